//! Password hashes from elsewhere: bcrypt, verified when somebody logs in and then replaced by one of ours.
//!
//! They are made of the bytes as they were sent, and of no more than the first 72, as everybody did who hashed longer
//! passwords so. `$2a$`, `$2b$` and `$2y$` are three names of one thing; `$2x$` is the mark of a broken one, whose
//! hashes mean something else, and is no hash here.
//!
//! Whoever is refused has waited for a hash of the highest cost, whatever there was to compare with: each cost is twice
//! the one below it, so what is missing can be worked off to the letter.

use bcrypt::HashParts;

use crate::id::IdSource;

/// The lowest cost there is.
const COST_MIN: u32 = 4;

/// The highest cost that is believed to be meant: some seconds.
const COST_MAX: u32 = 16;

/// A bcrypt hash of a form we know.
pub(super) struct Bcrypt {
    text: String,
    cost: u32,
}

impl Bcrypt {
    pub(super) fn parse(text: &str) -> Option<Self> {
        let is_known = ["$2a$", "$2b$", "$2y$"].iter().any(|name| text.starts_with(name));
        let cost = text.parse::<HashParts>().ok().filter(|_| is_known)?.get_cost();
        (COST_MIN..=COST_MAX).contains(&cost).then(|| Self { text: text.to_owned(), cost })
    }

    pub(super) const fn cost(&self) -> u32 {
        self.cost
    }

    pub(super) fn into_string(self) -> String {
        self.text
    }
}

/// How hashes from elsewhere are compared with.
#[derive(Clone)]
pub(super) struct Imported {
    cost_max: Option<u32>,
    /// Of the work that only takes time.
    salt: [u8; 16],
}

impl Imported {
    pub(super) fn new(cost_max: Option<u32>, ids: &dyn IdSource) -> Self {
        let mut salt = [0; 16];
        ids.fill(&mut salt);
        Self { cost_max: cost_max.map(|cost| cost.clamp(COST_MIN, COST_MAX)), salt }
    }

    /// Whether a hash is of these bytes; a no takes as long whatever the hash, and without one.
    pub(super) fn is_of(&self, hash: Option<&Bcrypt>, sent: &[u8]) -> bool {
        if hash.is_some_and(|hash| bcrypt::verify(sent, &hash.text).unwrap_or(false)) {
            return true;
        }
        for cost in self.missing(hash.map(Bcrypt::cost)) {
            // For the time it takes.
            let _in_vain = bcrypt::hash_with_salt(sent, cost, self.salt);
        }
        false
    }

    /// The costs that are as much as the highest together with what was worked already.
    fn missing(&self, worked: Option<u32>) -> std::ops::Range<u32> {
        match (self.cost_max, worked) {
            (None, _) => 0..0,
            (Some(highest), None) => highest..highest + 1,
            (Some(highest), Some(worked)) => worked..highest,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::SystemIds;

    /// Published test vectors: password, hash.
    const KNOWN: [(&str, &str); 3] = [
        ("U*U", "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"),
        ("U*U*", "$2a$05$CCCCCCCCCCCCCCCCCCCCC.VGOzA784oUp/Z0DY336zx7pLYAy0lwK"),
        ("", "$2a$05$CCCCCCCCCCCCCCCCCCCCC.7uG0VCzI2bS7j6ymqJi9CdcdxiRTWNy"),
    ];

    fn imported(cost_max: Option<u32>) -> Imported {
        Imported::new(cost_max, &SystemIds::default())
    }

    fn is_of(hash: &str, sent: &str) -> bool {
        imported(None).is_of(Some(&Bcrypt::parse(hash).unwrap()), sent.as_bytes())
    }

    #[test]
    fn known_hashes_under_each_of_the_three_names() {
        for (password, hash) in KNOWN {
            for name in ["$2a$", "$2b$", "$2y$"] {
                let hash = hash.replacen("$2a$", name, 1);
                assert!(is_of(&hash, password), "{hash}");
                assert!(!is_of(&hash, "U*U*U"), "{hash}");
            }
        }
    }

    #[test]
    fn what_stands_after_the_first_72_bytes_does_not_count() {
        let long = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
        let hash = "$2a$05$abcdefghijklmnopqrstuu5s2v8.iXieOjg/.AySBTTZIIVFJeBui";
        assert_eq!(long.len(), 72);
        assert!(is_of(hash, long));
        assert!(is_of(hash, &format!("{long}chars after 72 are ignored")));
        assert!(!is_of(hash, &long[..71]));
    }

    #[test]
    fn what_is_no_hash_of_a_known_form() {
        let known = KNOWN[0].1;
        for text in [
            "",
            "$2a$",
            "plain",
            &known.replacen("2a", "2x", 1),
            &known.replacen("2a", "2c", 1),
            &known.replacen("$05$", "$03$", 1),
            &known.replacen("$05$", "$17$", 1),
            &known.replacen("$05$", "$xx$", 1),
            &known[..59],
            &format!("{known}A"),
            &format!("{}ä", &known[..58]),
        ] {
            assert!(Bcrypt::parse(text).is_none(), "{text:?}");
        }
    }

    #[test]
    fn a_no_is_the_same_work_whatever_there_was_to_compare_with() {
        let imported = imported(Some(12));
        let work = |worked: Option<u32>| -> u64 {
            let missing: u64 = imported.missing(worked).map(|cost| 1 << cost).sum();
            missing + worked.map_or(0, |cost| 1 << cost)
        };
        for worked in [None, Some(4), Some(10), Some(11), Some(12)] {
            assert_eq!(work(worked), 1 << 12, "{worked:?}");
        }
    }

    #[test]
    fn where_none_are_imported_nothing_is_worked_in_vain() {
        assert_eq!(imported(None).missing(None).count(), 0);
    }
}
