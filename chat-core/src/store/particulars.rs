//! What an account holds that no store looks into.
//!
//! Nothing here is searched, compared or claimed, so it is kept packed, in one column. What is added later is a new
//! version of the bytes, and not a migration of every database.

use super::packed::Packed;
use crate::time::Timestamp;

/// The version of the bytes, in front of them.
const VERSION: u8 = 2;

/// Before it was kept when its owner last changed what he shows.
const WITHOUT_UPDATES: u8 = 1;

/// What an account holds that no store looks into.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Particulars {
    /// The language its owner reads (a BCP 47 tag).
    pub locale: Option<String>,
    /// What its owner wants to be notified of.
    pub notifications: Notifications,
    /// What was mailed to be shown once and was not shown yet; the latest last.
    pub proofs: Vec<MailProof>,
    /// When its owner last changed what he shows of himself.
    pub updated_at: Option<Timestamp>,
}

impl Particulars {
    /// As a column holds them; the defaults are absence.
    pub fn to_column(&self) -> Option<Vec<u8>> {
        (*self != Self::default()).then(|| {
            let mut bytes = vec![VERSION];
            self.pack(&mut bytes);
            bytes
        })
    }

    /// What a column holds; `None` when that cannot be read.
    pub fn from_column(column: Option<&[u8]>) -> Option<Self> {
        let Some(bytes) = column else { return Some(Self::default()) };
        let (version, mut rest) = bytes.split_first()?;
        let read = match *version {
            VERSION => Self::unpack(&mut rest)?,
            WITHOUT_UPDATES => Self {
                locale: Packed::unpack(&mut rest)?,
                notifications: Packed::unpack(&mut rest)?,
                proofs: Packed::unpack(&mut rest)?,
                updated_at: None,
            },
            _ => return None,
        };
        rest.is_empty().then_some(read)
    }
}

/// What somebody wants to be notified of, on all of his devices. The engine keeps it; who notifies, acts on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Notifications {
    /// Of messages in direct conversations.
    pub direct: Notify,
    /// Of messages in groups.
    pub groups: Notify,
    /// Of messages in channels.
    pub channels: Notify,
    /// Of friend requests.
    pub friend_requests: bool,
    /// Whether a notification shows what was written.
    pub previews: bool,
    /// Whether it may be heard.
    pub sounds: bool,
}

impl Default for Notifications {
    fn default() -> Self {
        Self {
            direct: Notify::All,
            groups: Notify::All,
            channels: Notify::Mentions,
            friend_requests: true,
            previews: true,
            sounds: true,
        }
    }
}

/// How much of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Notify {
    /// Of all of it.
    All,
    /// Of what mentions one.
    Mentions,
    /// Of nothing.
    Nothing,
}

/// A proof that was mailed: whoever shows it reads that mail. Only its hash is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MailProof {
    /// What it is good for.
    pub purpose: ProofPurpose,
    /// SHA-256 of what was mailed.
    pub hash: [u8; 32],
    /// Where it was mailed to, as it is claimed: good only while this is the account's address.
    pub email: String,
    /// Until when it is good.
    pub expires_at: Timestamp,
}

/// What a [`MailProof`] is good for, and nothing else.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ProofPurpose {
    /// Making the address the account's own.
    VerifyEmail,
    /// Choosing a new password.
    ResetPassword,
}

/// How many proofs of one purpose are good at a time; one more takes the place of the oldest.
const PROOFS_PER_PURPOSE_MAX: usize = 3;

impl Particulars {
    /// Adds a proof; the oldest of its purpose beyond a few are good no more.
    pub fn add_proof(&mut self, proof: MailProof) {
        let purpose = proof.purpose;
        self.proofs.push(proof);
        let mut beyond = self.proofs.iter().filter(|proof| proof.purpose == purpose).count();
        beyond = beyond.saturating_sub(PROOFS_PER_PURPOSE_MAX);
        self.proofs.retain(|proof| {
            let goes = proof.purpose == purpose && beyond > 0;
            beyond -= usize::from(goes);
            !goes
        });
    }

    /// Takes away all proofs of a purpose.
    pub fn drop_proofs(&mut self, purpose: ProofPurpose) {
        self.proofs.retain(|proof| proof.purpose != purpose);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proof(purpose: ProofPurpose, hash: u8) -> MailProof {
        let expires_at = Timestamp::from_millis(i64::from(hash));
        MailProof { purpose, hash: [hash; 32], email: "ä@example.org".to_owned(), expires_at }
    }

    fn full() -> Particulars {
        let mut full = Particulars { locale: Some("pt-BR".to_owned()), ..Particulars::default() };
        full.notifications.groups = Notify::Nothing;
        full.notifications.previews = false;
        full.add_proof(proof(ProofPurpose::ResetPassword, 1));
        full.add_proof(proof(ProofPurpose::VerifyEmail, 2));
        full
    }

    #[test]
    fn columns_lead_back_and_the_defaults_are_absence() {
        assert_eq!(Particulars::default().to_column(), None);
        assert_eq!(Particulars::from_column(None), Some(Particulars::default()));
        let column = full().to_column().unwrap();
        assert_eq!(Particulars::from_column(Some(&column)), Some(full()));
    }

    #[test]
    fn what_an_earlier_version_wrote_is_read() {
        let column = full().to_column().unwrap();
        // The last byte says that there is no time of a change, which was not there.
        let earlier = [&[WITHOUT_UPDATES][..], &column[1..column.len() - 1]].concat();
        assert_eq!(Particulars::from_column(Some(&earlier)), Some(full()));
    }

    #[test]
    fn what_cannot_be_read_is_nothing() {
        let column = full().to_column().unwrap();
        for cut in 0..column.len() {
            assert_eq!(Particulars::from_column(Some(&column[..cut])), None, "cut off at {cut}");
        }
        for other in [[&[9][..], &column[1..]].concat(), [&column[..], &[0]].concat()] {
            assert_eq!(Particulars::from_column(Some(&other)), None);
        }
    }

    #[test]
    fn of_each_purpose_the_latest_few_stay() {
        let mut all = Particulars::default();
        all.add_proof(proof(ProofPurpose::VerifyEmail, 0));
        for hash in 1..=5 {
            all.add_proof(proof(ProofPurpose::ResetPassword, hash));
        }
        assert_eq!(all.proofs.iter().map(|proof| proof.hash[0]).collect::<Vec<_>>(), [0, 3, 4, 5]);
        all.drop_proofs(ProofPurpose::ResetPassword);
        assert_eq!(all.proofs, [proof(ProofPurpose::VerifyEmail, 0)]);
    }
}
