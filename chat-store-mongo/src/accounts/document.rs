//! Accounts and claims as documents.

use chat_core::id::UserId;
use chat_core::store::code::{Code, int};
use chat_core::store::{Account, AccountState, Claim, Particulars, PasswordHash};
use mongodb::bson::{Bson, Document, RawBsonRef, RawDocument, doc};

use crate::document::{Fields, Read, as_bytes, binary, id};
use crate::error::Unreadable;
use crate::key::{Keys, id_in};

/// An account with what it claims and is found by. Without the account it is only there to keep a late writer out.
#[derive(Clone, Debug, Default)]
pub(crate) struct AccountRow {
    pub(crate) account: Option<Account>,
    pub(crate) words: Vec<String>,
    /// Ordered.
    pub(crate) claims: Vec<Claim>,
    /// Raised by whoever takes a claim over that this account was about to have; compared with every write. Zero
    /// where there is no document.
    pub(crate) guard: i64,
}

impl AccountRow {
    /// Whether there is no document at all.
    pub(crate) fn is_nothing(&self) -> bool {
        self.account.is_none() && self.guard == 0
    }

    pub(crate) fn version(&self) -> u64 {
        self.account.as_ref().map_or(0, |account| account.version)
    }

    pub(crate) fn read(document: &RawDocument) -> Read<Self> {
        let fields = Fields(document);
        let guard = fields.int("guard")?;
        if fields.count("version")? == 0 {
            return Ok(Self { guard, ..Self::default() });
        }
        let claims = fields.documents("claims")?.into_iter().map(read_claim).collect::<Read<_>>()?;
        Ok(Self { account: Some(read_account(fields)?), words: read_words(fields)?, claims, guard })
    }

    /// What makes a document this.
    pub(crate) fn update(&self, keys: Keys, user: UserId) -> Document {
        let claims: Vec<Document> = self.claims.iter().map(claim_document).collect();
        let mut set = doc! {
            "tenant": keys.tenant(),
            "user": id(user.as_bytes()),
            "guard": self.guard.max(1),
            "words": &self.words,
            "claims": claims,
        };
        let mut unset = Document::new();
        if let Some(account) = &self.account {
            write_account(account, &mut set, &mut unset);
        }
        let mut update = doc! { "$set": set };
        if !unset.is_empty() {
            update.insert("$unset", unset);
        }
        update
    }
}

fn write_account(account: &Account, set: &mut Document, unset: &mut Document) {
    set.insert("version", int(account.version));
    set.insert("username", &account.username);
    set.insert("password", &account.password.0);
    set.insert("credential_version", int(account.credential_version));
    set.insert("state", AccountState::code(account.state));
    set.insert("created_at", account.created_at.millis());
    let text = |text: &Option<String>| text.clone().map(Bson::from);
    let optional = [
        ("full_name", text(&account.full_name)),
        ("email", text(&account.email)),
        ("email_verified_at", account.email_verified_at.map(|at| Bson::from(at.millis()))),
        ("picture", text(&account.picture)),
        ("bio", text(&account.bio)),
        ("particulars", account.particulars.to_column().map(|bytes| Bson::from(binary(&bytes)))),
    ];
    for (name, value) in optional {
        match value {
            Some(value) => set.insert(name, value),
            None => unset.insert(name, ""),
        };
    }
}

fn read_account(fields: Fields<'_>) -> Read<Account> {
    let user = id_in(fields.bytes("_id")?, 0).map(UserId::from_bytes).ok_or(Unreadable("_id"))?;
    let password = PasswordHash(fields.text("password")?);
    let mut account = Account::new(user, fields.text("username")?, password, fields.time("created_at")?);
    account.full_name = fields.optional_text("full_name")?;
    account.email = fields.optional_text("email")?;
    account.email_verified_at = fields.optional_time("email_verified_at")?;
    account.picture = fields.optional_text("picture")?;
    account.bio = fields.optional_text("bio")?;
    account.credential_version = fields.count("credential_version")?;
    account.state = fields.code("state")?;
    account.version = fields.count("version")?;
    let particulars = fields.optional("particulars", as_bytes)?;
    account.particulars = Particulars::from_column(particulars).ok_or(Unreadable("particulars"))?;
    Ok(account)
}

fn read_words(fields: Fields<'_>) -> Read<Vec<String>> {
    let words = fields.required("words", RawBsonRef::as_array)?;
    let word = |word: RawBsonRef<'_>| word.as_str().map(str::to_owned);
    words.into_iter().map(|value| value.ok().and_then(word).ok_or(Unreadable("words"))).collect()
}

/// A claim as its account lists it.
pub(crate) fn claim_document(claim: &Claim) -> Document {
    doc! { "kind": claim.kind.code(), "value": &claim.value }
}

pub(crate) fn read_claim(document: &RawDocument) -> Read<Claim> {
    let fields = Fields(document);
    Ok(Claim { kind: fields.code("kind")?, value: fields.text("value")? })
}
