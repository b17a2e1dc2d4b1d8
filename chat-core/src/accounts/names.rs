//! What people call themselves: usernames, full names, e-mail addresses and the rest of a profile, each checked
//! once, by its constructor.
//!
//! A username is unique three times over: folded (RFC 8265, `UsernameCaseMapped`), and by what it looks like (the
//! UTS 39 skeleton), as written and as folded. Scripts are mixed only as far as "highly restrictive" allows, which
//! also leaves out everything that is not made for identifiers: blanks, symbols, invisible characters.
//!
//! Skeletons are claimed as they are, without the version of the tables they were made with: nearly all of them stay
//! the same from one version to the next, and a version in the value would let every old name be imitated by a new
//! one from the day of an upgrade on. [`Accounts::renew_claims`](super::Accounts::renew_claims) claims the others.

use std::collections::HashSet;

use email_address::{EmailAddress, Options};
use icu_locale_core::Locale;
use precis_profiles::precis_core::profile::PrecisFastInvocation as _;
use precis_profiles::{UsernameCaseMapped, UsernameCasePreserved};
use unicode_normalization::char::is_combining_mark;
use unicode_security::{RestrictionLevel, RestrictionLevelDetection as _, skeleton};

use crate::error::Refusal;
use crate::limits::Limits;
use crate::store::{Claim, ClaimKind};

/// Longest e-mail address, in bytes (RFC 5321).
const EMAIL_BYTES_MAX: usize = 254;

/// Longest picture reference, in bytes.
const PICTURE_BYTES_MAX: usize = 2_048;

/// Longest language tag, in bytes: languages with scripts, regions and some extensions.
const LOCALE_BYTES_MAX: usize = 64;

/// Longest text about oneself, in code points.
const BIO_CODEPOINTS_MAX: u64 = 1_000;

/// A username as its owner writes it, and what makes it unique.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Username {
    written: String,
    key: String,
}

impl Username {
    pub(super) fn new(text: &str, limits: &Limits) -> Result<Self, Refusal> {
        let refuse = |reason| Refusal::invalid("/username", reason);
        let not_allowed = "only letters and digits of one script, and a few marks between them";
        let written = UsernameCasePreserved::enforce(text).map_err(|_| refuse(not_allowed))?.into_owned();
        let key = fold(text).ok_or_else(|| refuse(not_allowed))?;
        let begins_with_mark = written.starts_with(is_combining_mark);
        if begins_with_mark || !written.check_restriction_level(RestrictionLevel::HighlyRestrictive) {
            return Err(refuse(not_allowed));
        }
        let allowed = limits.username_codepoints_min..=limits.username_codepoints_max;
        if !allowed.contains(&count(&written)) || !allowed.contains(&count(&key)) {
            return Err(refuse("too short or too long"));
        }
        Ok(Self { written, key })
    }

    /// As its owner writes it.
    pub(super) fn as_str(&self) -> &str {
        &self.written
    }

    /// The values that only one account may have.
    pub(super) fn claims(&self) -> Vec<Claim> {
        let mut claims = vec![username_claim(self.key.clone())];
        claims.extend(self.skeletons().into_iter().map(|value| Claim { kind: ClaimKind::Skeleton, value }));
        claims
    }

    /// What it looks like: as written (`PayPaI` with a capital i is `paypal`) and as folded.
    pub(super) fn skeletons(&self) -> Vec<String> {
        let as_written = skeleton(&self.written).collect::<String>().to_lowercase();
        let as_folded = skeleton(&self.key).collect::<String>();
        if as_written == as_folded { vec![as_written] } else { vec![as_written, as_folded] }
    }
}

/// The claims of a username that an account has already, by the present tables.
pub(super) fn claims_of_username(written: &str) -> Vec<Claim> {
    fold(written).map_or_else(Vec::new, |key| Username { written: written.to_owned(), key }.claims())
}

/// Names that nobody can take, and what looks like them.
pub(super) struct Reserved(HashSet<String>);

impl Reserved {
    pub(super) fn new(names: &[String]) -> Self {
        Self(names.iter().map(|name| skeleton(&name.to_lowercase()).collect()).collect())
    }

    pub(super) fn holds(&self, username: &Username) -> bool {
        username.skeletons().iter().any(|skeleton| self.0.contains(skeleton))
    }
}

/// A username as it is compared; `None` when no username can be written so.
fn fold(text: &str) -> Option<String> {
    UsernameCaseMapped::enforce(text).ok().map(std::borrow::Cow::into_owned)
}

/// The claim of the account of this username, whatever its case; `None` when there can be none.
pub(super) fn claim_of_username(text: &str) -> Option<Claim> {
    fold(text).map(username_claim)
}

/// The claim of the account that this name logs into: an e-mail address if there is an `@` in it, else a username,
/// which cannot have one.
pub(super) fn claim_of_login(name: &str) -> Option<Claim> {
    if name.contains('@') {
        Email::new(name).ok().map(|email| email.claim())
    } else {
        claim_of_username(name)
    }
}

const fn username_claim(value: String) -> Claim {
    Claim { kind: ClaimKind::Username, value }
}

/// An e-mail address: the domain in lower case, the rest as written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Email(String);

impl Email {
    pub(super) fn new(text: &str) -> Result<Self, Refusal> {
        let options = Options::default().without_display_text().without_domain_literal().with_required_tld();
        let parsed = EmailAddress::parse_with_options(text, options)
            .ok()
            .filter(|_| text.len() <= EMAIL_BYTES_MAX && !text.chars().any(char::is_control))
            .ok_or(Refusal::invalid("/email", "not an e-mail address"))?;
        Ok(Self(format!("{}@{}", parsed.local_part(), parsed.domain().to_lowercase())))
    }

    /// The claim: upper and lower case of ASCII are the same mailbox, as they are for every provider of note.
    pub(super) fn claim(&self) -> Claim {
        Claim { kind: ClaimKind::Email, value: self.0.to_ascii_lowercase() }
    }

    pub(super) fn into_string(self) -> String {
        self.0
    }
}

/// The name for people.
pub(super) fn full_name(text: &str, limits: &Limits) -> Result<String, Refusal> {
    let allowed = limits.full_name_codepoints_min..=limits.name_codepoints_max;
    if !allowed.contains(&count(text)) || text.trim().is_empty() {
        return Err(Refusal::invalid("/full_name", "too short or too long"));
    }
    if text.chars().any(is_deceptive) {
        return Err(Refusal::invalid("/full_name", "control and direction characters are not allowed"));
    }
    Ok(text.to_owned())
}

/// What somebody says of himself; may have several lines.
pub(super) fn bio(text: &str) -> Result<String, Refusal> {
    if count(text) > BIO_CODEPOINTS_MAX || text.trim().is_empty() {
        return Err(Refusal::invalid("/bio", "empty or too long"));
    }
    if text.chars().any(|c| is_deceptive(c) && c != '\n') {
        return Err(Refusal::invalid("/bio", "control and direction characters are not allowed"));
    }
    Ok(text.to_owned())
}

/// Where a picture is: a web address, or a path on this host.
pub(super) fn picture(text: &str) -> Result<String, Refusal> {
    let is_path = text.starts_with('/') && !text.starts_with("//");
    let is_address = text.starts_with("https://") || text.starts_with("http://");
    let is_plain = text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
    if text.len() <= PICTURE_BYTES_MAX && is_plain && (is_path || is_address) {
        Ok(text.to_owned())
    } else {
        Err(Refusal::invalid("/picture", "not a web address or path"))
    }
}

/// A language tag: well-formed (BCP 47), in its usual writing.
pub(super) fn locale(text: &str) -> Result<String, Refusal> {
    let tag =
        Some(text).filter(|text| text.len() <= LOCALE_BYTES_MAX).and_then(|text| text.parse::<Locale>().ok());
    tag.map(|tag| tag.to_string()).ok_or(Refusal::invalid("/locale", "not a language tag"))
}

/// Control characters, and those that change the direction of what stands around them.
fn is_deceptive(c: char) -> bool {
    c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

fn count(text: &str) -> u64 {
    text.chars().count() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn username(text: &str) -> Result<Username, Refusal> {
        Username::new(text, &Limits::default())
    }

    #[track_caller]
    fn collide(one: &str, two: &str) -> bool {
        let [one, two] = [one, two].map(|text| username(text).unwrap().claims());
        one.iter().any(|claim| two.contains(claim))
    }

    #[test]
    fn a_username_is_kept_as_written_and_compared_folded() {
        let name = username("Ａda.Lovelace_1").unwrap();
        assert_eq!(name.as_str(), "Ada.Lovelace_1");
        assert_eq!(name.claims()[0], Claim { kind: ClaimKind::Username, value: "ada.lovelace_1".to_owned() });
        assert_eq!(claim_of_username("ADA.LOVELACE_1"), Some(name.claims()[0].clone()));
    }

    #[test]
    fn usernames_of_many_scripts() {
        for text in [
            "abc",
            "Jürgen",
            "Ольга",
            "محمد",
            "こんにちは",
            "サトシtanaka",
            "한국어",
            "Ιωάννης",
            "a-b",
            "42_",
        ] {
            assert!(username(text).is_ok(), "{text}");
        }
    }

    #[test]
    fn what_is_no_username() {
        for text in [
            "",
            "ab",
            "a b",
            " abc",
            "abc\0",
            "abc\u{202e}def",
            "abc\u{200b}def",
            "abc\u{2060}",
            "abc\u{feff}",
            "a@b.example",
            "a/b/c",
            "<script>",
            "😀😀😀",
            "Ⅷabc",
            "ﬁsh",
            "paypаl",
            "раypal",
            "αbc",
            "abcمحمد",
            "\u{0301}abc",
            &"a".repeat(33),
            &"a".repeat(1_000),
            &"e\u{301}".repeat(1_000),
        ] {
            let refusal = username(text).unwrap_err();
            assert_eq!(
                (refusal.code(), refusal.field()),
                ("validation_failed", Some("/username")),
                "{text:?}"
            );
        }
    }

    #[test]
    fn the_length_is_counted_in_code_points_after_composition() {
        assert!(username(&"a".repeat(32)).is_ok());
        assert!(username(&"ö".repeat(32)).is_ok());
        assert!(username(&"o\u{308}".repeat(32)).is_ok());
        assert!(username(&"o\u{308}".repeat(33)).is_err());
    }

    #[test]
    fn look_alikes_collide() {
        for (one, two) in [
            ("paypal", "PAYPAL"),
            ("paypal", "paypa1"),
            ("PayPal", "PayPaI"),
            ("modern", "modem"),
            ("Ilya", "llya"),
            ("scope", "ѕсоре"),
            ("abc", "АВС"),
            ("jürgen", "ju\u{308}rgen"),
            ("l0gin", "login"),
        ] {
            assert!(collide(one, two), "{one} {two}");
        }
        for (one, two) in [("anna", "hanna"), ("jurgen", "jürgen"), ("ann", "bob")] {
            assert!(!collide(one, two), "{one} {two}");
        }
    }

    #[test]
    fn an_address_is_kept_with_its_domain_in_lower_case_and_compared_without_case() {
        let email = Email::new("Ada.Lovelace@Example.ORG").unwrap();
        assert_eq!(
            email.claim(),
            Claim { kind: ClaimKind::Email, value: "ada.lovelace@example.org".to_owned() }
        );
        assert_eq!(email.into_string(), "Ada.Lovelace@example.org");
    }

    #[test]
    fn what_is_no_address() {
        let long = format!("{}@{}.example.org", "a".repeat(64), "b.".repeat(100) + "b");
        for text in [
            "",
            "ada",
            "ada@",
            "@example.org",
            "ada@example",
            "ada@localhost",
            "ada@[127.0.0.1]",
            "Ada <ada@example.org>",
            "ada@example.org\0",
            "ada@example.org\r\nBcc: all@example.org",
            "ada lovelace@example.org",
            "ada@exa\u{202e}mple.org",
            long.as_str(),
        ] {
            assert!(Email::new(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn an_at_sign_makes_a_login_name_an_address() {
        assert_eq!(claim_of_login("Ada").unwrap().kind, ClaimKind::Username);
        assert_eq!(claim_of_login("Ada@example.org").unwrap().kind, ClaimKind::Email);
        for text in ["", "a b", "@", "ada\0", "ada@\0"] {
            assert_eq!(claim_of_login(text), None, "{text:?}");
        }
    }

    #[test]
    fn full_names() {
        let limits = Limits::default();
        for text in ["A", "Ada Lovelace", "محمد علي", "👩‍💻 Ada", &"ä".repeat(128)] {
            assert_eq!(full_name(text, &limits).as_deref(), Ok(text));
        }
        for text in [
            "",
            " ",
            "\u{a0}",
            "a\0",
            "a\nb",
            "a\tb",
            "a\u{7f}",
            "a\u{85}",
            "\u{202e}evil",
            "a\u{2066}",
            &"ä".repeat(129),
        ] {
            assert_eq!(full_name(text, &limits).unwrap_err().field(), Some("/full_name"), "{text:?}");
        }
    }

    #[test]
    fn language_tags_are_kept_in_their_usual_writing() {
        for (text, kept) in
            [("de", "de"), ("PT-br", "pt-BR"), ("zh-hant-tw", "zh-Hant-TW"), ("sl-rozaj", "sl-rozaj")]
        {
            assert_eq!(locale(text).as_deref(), Ok(kept));
        }
        for text in ["", "d", "deutsch?", "de_", "-", "de\0", "en-US\r\n", &"a-".repeat(40)] {
            assert_eq!(locale(text).unwrap_err().field(), Some("/locale"), "{text:?}");
        }
    }

    #[test]
    fn the_rest_of_a_profile() {
        assert!(bio("two\nlines").is_ok());
        for text in ["", "\n", "a\0", "a\u{202d}", &"a".repeat(1_001)] {
            assert_eq!(bio(text).unwrap_err().field(), Some("/bio"), "{text:?}");
        }
        for text in ["https://example.org/a.png", "http://localhost/a", "/pictures/1"] {
            assert_eq!(picture(text).as_deref(), Ok(text));
        }
        let long = format!("/{}", "a".repeat(2_048));
        for text in [
            "",
            "javascript:alert(1)",
            "data:image/png;base64,AA",
            "//evil.example",
            "/\\evil.example",
            "/a b",
            "/a\0",
            "/ä",
            &long,
        ] {
            assert_eq!(picture(text).unwrap_err().field(), Some("/picture"), "{text:?}");
        }
    }
}
