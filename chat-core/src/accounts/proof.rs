//! Proofs that somebody reads the mail of an address: mailed to it, shown once.
//!
//! A token is the account's id and 256 random bits, in base64url. The account keeps its hash, which is made over the
//! purpose too, so that a token for one thing is none for another. It is judged and used up in the same write that does
//! what it is good for.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

use super::names::Email;
use super::profile::claim_of;
use super::secret::Secret;
use crate::error::Refusal;
use crate::id::{IdSource, UserId};
use crate::store::{Account, AccountState, MailProof, ProofPurpose};
use crate::time::Timestamp;

const ID_END: usize = 16;
const TOKEN_BYTES: usize = ID_END + 32;

/// Length of a token as text.
const TOKEN_TEXT_BYTES: usize = TOKEN_BYTES * 8 / 6;

/// What is mailed.
pub(super) struct ProofToken(Zeroizing<[u8; TOKEN_BYTES]>);

impl ProofToken {
    /// A new one, for this account.
    pub(super) fn make(user: UserId, ids: &dyn IdSource) -> Self {
        let mut bytes = Zeroizing::new([0; TOKEN_BYTES]);
        let (id, secret) = bytes.split_at_mut(ID_END);
        id.copy_from_slice(user.as_bytes());
        ids.fill(secret);
        Self(bytes)
    }

    /// Reads what somebody shows.
    ///
    /// # Errors
    /// As for one that is good no more.
    pub(super) fn parse(text: &Secret) -> Result<Self, Refusal> {
        let text = text.expose();
        if text.len() != TOKEN_TEXT_BYTES {
            return Err(spent());
        }
        let decoded = Zeroizing::new(URL_SAFE_NO_PAD.decode(text).map_err(|_| spent())?);
        let mut bytes = Zeroizing::new([0; TOKEN_BYTES]);
        bytes.copy_from_slice(&decoded);
        Ok(Self(bytes))
    }

    /// Whose account it is for.
    pub(super) fn user(&self) -> UserId {
        UserId::from_bytes(self.0[..ID_END].try_into().expect("an id has 16 bytes"))
    }

    /// As text, for the mail.
    pub(super) fn encode(&self) -> Secret {
        Secret::from(URL_SAFE_NO_PAD.encode(self.0.as_slice()))
    }

    /// What the account keeps of it.
    pub(super) fn proof(&self, purpose: ProofPurpose, email: &Email, expires_at: Timestamp) -> MailProof {
        MailProof { purpose, hash: self.hash(purpose), email: email.claim().value, expires_at }
    }

    fn hash(&self, purpose: ProofPurpose) -> [u8; 32] {
        let purpose: &[u8] = match purpose {
            ProofPurpose::VerifyEmail => b"verify e-mail",
            ProofPurpose::ResetPassword => b"reset password",
        };
        Sha256::new().chain_update(purpose).chain_update(self.0.as_slice()).finalize().into()
    }

    /// Whether an account in use has given it out for this, not too long ago, to the address it still has.
    ///
    /// # Errors
    /// Always the same refusal, whatever is wrong with it.
    pub(super) fn judge(
        &self,
        account: &Account,
        purpose: ProofPurpose,
        now: Timestamp,
    ) -> Result<(), Refusal> {
        let hash = self.hash(purpose);
        let address = claim_of(account).map(|claim| claim.value);
        let is_good = |proof: &MailProof| {
            let is_this = bool::from(proof.hash.ct_eq(&hash)) && proof.purpose == purpose;
            is_this && now < proof.expires_at && address.as_ref() == Some(&proof.email)
        };
        let is_active = account.state == AccountState::Active;
        if is_active && account.particulars.proofs.iter().any(is_good) { Ok(()) } else { Err(spent()) }
    }
}

/// The one answer to every token that is not good.
pub(super) const fn spent() -> Refusal {
    Refusal::invalid("/token", "used, expired, or never given out")
}
