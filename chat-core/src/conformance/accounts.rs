//! Accounts, claims and search.

use std::sync::Arc;

use super::scene::{assert_conflict, assert_taken, at, limit, race, user};
use crate::id::UserId;
use crate::store::{
    Account, AccountState, Accounts, Claim, ClaimKind, Claims, MailProof, Notify, PasswordHash, ProofPurpose,
    Store,
};

pub(super) fn accounts(store: &Arc<dyn Store>) -> &dyn Accounts {
    store.people().accounts()
}

pub(super) fn account(number: u64, username: &str) -> Account {
    Account::new(user(number), username.to_owned(), PasswordHash("$argon2id$…".to_owned()), at(1_000))
}

pub(super) fn claim(kind: ClaimKind, value: &str) -> Claim {
    Claim { kind, value: value.to_owned() }
}

/// Claims of a username alone.
pub(super) fn username(value: &str) -> Claims {
    Claims { take: vec![claim(ClaimKind::Username, value)], ..Claims::default() }
}

pub(super) fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|&word| word.to_owned()).collect()
}

pub(super) async fn load(store: &Arc<dyn Store>, number: u64) -> Option<Account> {
    accounts(store).load(&[user(number)]).await.unwrap().remove(0)
}

pub(super) async fn owner(store: &Arc<dyn Store>, kind: ClaimKind, value: &str) -> Option<UserId> {
    accounts(store).claimed(&[claim(kind, value)]).await.unwrap().remove(0)
}

/// Active accounts made with these words, by number.
pub(super) async fn found(store: &Arc<dyn Store>, query: &[&str]) -> Vec<UserId> {
    let found = accounts(store).search(&words(query), None, limit(200)).await.unwrap();
    found.into_iter().map(|account| account.user).collect()
}

async fn create_found_by(store: &Arc<dyn Store>, number: u64, own: &[&str]) {
    let claims = Claims { words: words(own), ..username(&number.to_string()) };
    accounts(store).create(&account(number, "name"), &claims).await.unwrap();
}

/// Every field comes back to the letter, absent ones as absent.
pub async fn every_field_is_kept(store: Arc<dyn Store>) {
    let bare = account(1, "Ana");
    let mut full = account(2, "Élodie  ");
    full.full_name = Some("  Élodie 'Bobby\"; DROP TABLE--".to_owned());
    full.email = Some("elodie@example.org".to_owned());
    full.email_verified_at = Some(at(-5));
    full.picture = Some("https://example.org/ä.png".to_owned());
    full.bio = Some("\u{1F469}\u{200D}\u{1F680}\nline".to_owned());
    full.credential_version = (1 << 53) - 1;
    full.created_at = at(i64::MAX);
    full.particulars.locale = Some("pt-BR".to_owned());
    full.particulars.notifications.direct = Notify::Nothing;
    full.particulars.add_proof(proof(ProofPurpose::VerifyEmail, 0));
    full.particulars.add_proof(proof(ProofPurpose::ResetPassword, 255));
    for account in [&bare, &full] {
        accounts(&store).create(account, &Claims::default()).await.unwrap();
    }
    let asked = [user(2), user(3), user(1), user(2)];
    let found = accounts(&store).load(&asked).await.unwrap();
    assert_eq!(found, [Some(full.clone()), None, Some(bare), Some(full)]);
}

fn proof(purpose: ProofPurpose, byte: u8) -> MailProof {
    MailProof { purpose, hash: [byte; 32], email: "elodie@example.org".to_owned(), expires_at: at(i64::MAX) }
}

/// What no store looks into comes and goes with the rest of the account, at once.
pub async fn particulars_are_replaced_with_the_account(store: Arc<dyn Store>) {
    let mut account = account(1, "ana");
    accounts(&store).create(&account, &Claims::default()).await.unwrap();
    for locale in [Some("de"), Some("en"), None] {
        account.version += 1;
        account.particulars.locale = locale.map(str::to_owned);
        account.particulars.add_proof(proof(ProofPurpose::VerifyEmail, 1));
        if locale.is_none() {
            account.particulars.drop_proofs(ProofPurpose::VerifyEmail);
        }
        accounts(&store).update(&account, &Claims::default()).await.unwrap();
        assert_eq!(load(&store, 1).await, Some(account.clone()));
    }
    let before = account.clone();
    account.particulars.locale = Some("fr".to_owned());
    assert_conflict(accounts(&store).update(&account, &Claims::default()).await);
    assert_eq!(load(&store, 1).await, Some(before));
}

/// A user has one account; a second create changes nothing and claims nothing.
pub async fn a_user_has_one_account(store: Arc<dyn Store>) {
    accounts(&store).create(&account(1, "ana"), &username("ana")).await.unwrap();
    assert_taken(accounts(&store).create(&account(1, "bo"), &username("bo")).await, "account");
    assert_eq!(load(&store, 1).await.unwrap().username, "ana");
    assert_eq!(owner(&store, ClaimKind::Username, "bo").await, None);
}

/// The first claim that is taken is named, in the order they are asked, and then nothing at all is written.
pub async fn the_first_taken_claim_is_named(store: Arc<dyn Store>) {
    let kinds = [ClaimKind::Username, ClaimKind::Skeleton, ClaimKind::Email];
    for (number, kind) in (10..).zip(kinds) {
        let claims = Claims { take: vec![claim(kind, "taken")], ..Claims::default() };
        accounts(&store).create(&account(number, "owner"), &claims).await.unwrap();
    }
    for first in 0..kinds.len() {
        let mut take = vec![claim(ClaimKind::Username, "free")];
        take.extend((0..kinds.len()).map(|step| claim(kinds[(first + step) % kinds.len()], "taken")));
        let claims = Claims { take, ..Claims::default() };
        assert_taken(accounts(&store).create(&account(1, "ana"), &claims).await, kinds[first].name());
    }
    assert_eq!(load(&store, 1).await, None);
    assert_eq!(owner(&store, ClaimKind::Username, "free").await, None);
}

/// Claims are unique per kind and value, compared byte by byte.
pub async fn claims_are_compared_byte_by_byte(store: Arc<dyn Store>) {
    let values = [
        "ana",
        "Ana",
        "ana ",
        " ana",
        "aná",
        "ana\u{301}",
        "аna",
        "anа",
        "ANA",
        "ana\t",
        "İ",
        "i",
        "ı",
        "ß",
        "ss",
    ];
    for (number, value) in (1..).zip(values) {
        accounts(&store).create(&account(number, value), &username(value)).await.unwrap();
    }
    let asked: Vec<Claim> = values.iter().map(|value| claim(ClaimKind::Username, value)).collect();
    let owners: Vec<Option<UserId>> = (1..).map(user).map(Some).take(values.len()).collect();
    assert_eq!(accounts(&store).claimed(&asked).await.unwrap(), owners);
    assert_eq!(owner(&store, ClaimKind::Email, "ana").await, None, "another kind is another claim");
}

/// An update goes in only at the version before it; a refused one leaves account and claims as they were.
pub async fn update_compares_the_version(store: Arc<dyn Store>) {
    let mut account = account(1, "ana");
    assert_conflict(accounts(&store).update(&account, &Claims::default()).await);
    accounts(&store).create(&account, &username("ana")).await.unwrap();
    account.full_name = Some("Ana Y Castillo".to_owned());
    for wrong in [0, 1, 3] {
        account.version = wrong;
        let claims = Claims { release: vec![claim(ClaimKind::Username, "ana")], ..username("other") };
        assert_conflict(accounts(&store).update(&account, &claims).await);
    }
    assert_eq!(load(&store, 1).await.unwrap().full_name, None);
    assert_eq!(owner(&store, ClaimKind::Username, "ana").await, Some(user(1)));
    assert_eq!(owner(&store, ClaimKind::Username, "other").await, None);

    account.version = 2;
    account.state = AccountState::Disabled;
    accounts(&store).update(&account, &Claims::default()).await.unwrap();
    assert_eq!(load(&store, 1).await, Some(account));
}

/// An update takes and gives back in one write; own claims again and foreign ones given back are no error.
pub async fn updates_move_claims(store: Arc<dyn Store>) {
    let mut ana = account(1, "ana");
    accounts(&store).create(&ana, &username("ana")).await.unwrap();
    accounts(&store).create(&account(2, "bo"), &username("bo")).await.unwrap();
    ana.version = 2;
    let claims = Claims {
        take: vec![claim(ClaimKind::Username, "ana"), claim(ClaimKind::Email, "a@example.org")],
        release: vec![claim(ClaimKind::Username, "bo"), claim(ClaimKind::Skeleton, "nobody's")],
        words: Vec::new(),
    };
    accounts(&store).update(&ana, &claims).await.unwrap();
    assert_eq!(owner(&store, ClaimKind::Username, "ana").await, Some(user(1)));
    assert_eq!(
        owner(&store, ClaimKind::Username, "bo").await,
        Some(user(2)),
        "only one's own can be given back"
    );
    assert_eq!(owner(&store, ClaimKind::Email, "a@example.org").await, Some(user(1)));

    ana.version = 3;
    let claims = Claims { release: vec![claim(ClaimKind::Username, "ana")], ..username("ana2") };
    accounts(&store).update(&ana, &claims).await.unwrap();
    assert_eq!(owner(&store, ClaimKind::Username, "ana").await, None);
    accounts(&store).create(&account(3, "ana"), &username("ana")).await.unwrap();

    ana.version = 4;
    assert_taken(accounts(&store).update(&ana, &username("bo")).await, "username");
    assert_eq!(load(&store, 1).await.unwrap().version, 3);
}

/// Every state is kept; a tombstone is answered, and keeps what it has claimed.
pub async fn tombstones_stay(store: Arc<dyn Store>) {
    let mut account = account(1, "ana");
    accounts(&store).create(&account, &username("ana")).await.unwrap();
    for state in [AccountState::Disabled, AccountState::Deleting, AccountState::Deleted] {
        account.version += 1;
        account.state = state;
        accounts(&store).update(&account, &Claims::default()).await.unwrap();
        assert_eq!(load(&store, 1).await.unwrap().state, state);
    }
    assert_taken(accounts(&store).create(&self::account(2, "ana"), &username("ana")).await, "username");
}

/// Every given word must begin one of an account's words.
pub async fn search_is_by_beginnings_of_words(store: Arc<dyn Store>) {
    create_found_by(&store, 1, &["ana", "castillo"]).await;
    create_found_by(&store, 2, &["anatol", "castor"]).await;
    create_found_by(&store, 3, &["bo", "ana"]).await;
    create_found_by(&store, 4, &["castilla"]).await;
    for (query, expected) in [
        (&["ana"][..], &[1, 2, 3][..]),
        (&["anat"], &[2]),
        (&["ana", "cast"], &[1, 2]),
        (&["cast", "ana"], &[1, 2]),
        (&["castill", "a"], &[1]),
        (&["castill", "c"], &[1, 4]),
        (&["anatolia"], &[]),
        (&["stillo"], &[]),
        (&["b", "a", "x"], &[]),
    ] {
        let expected: Vec<UserId> = expected.iter().copied().map(user).collect();
        assert_eq!(found(&store, query).await, expected, "{query:?}");
    }
}

/// Words are compared to the letter, in every script and with every sign a database may treat as its own.
pub async fn search_takes_words_literally(store: Arc<dyn Store>) {
    let all = [
        "100%",
        "100x",
        "a_b",
        "axb",
        "ab*",
        "abc",
        "o'neil",
        "\\x",
        "straße",
        "strasse",
        "éa",
        "e\u{301}a",
        "анна",
        "安娜",
        "\u{1F600}",
        "a\u{10FFFF}b",
        "ann",
        "ıan",
        "ian",
    ];
    for (number, word) in (1..).zip(all) {
        create_found_by(&store, number, &[word]).await;
    }
    let matching = |query: &str| -> Vec<UserId> {
        (1..).zip(all).filter(|(_, word)| word.starts_with(query)).map(|(number, _)| user(number)).collect()
    };
    let beginnings = [
        "100%",
        "a_",
        "ab*",
        "o'",
        "\\",
        "stra",
        "straß",
        "é",
        "e",
        "ан",
        "安",
        "\u{1F600}",
        "a\u{10FFFF}",
        "ı",
        "%",
        "_",
    ];
    for query in beginnings {
        assert_eq!(found(&store, &[query]).await, matching(query), "{query:?}");
    }
}

/// Only active accounts are found, by the words of the last write.
pub async fn search_follows_the_account(store: Arc<dyn Store>) {
    create_found_by(&store, 1, &["ana"]).await;
    let mut account = load(&store, 1).await.unwrap();
    account.version = 2;
    let renamed = Claims { words: words(&["bo"]), ..Claims::default() };
    accounts(&store).update(&account, &renamed).await.unwrap();
    assert_eq!(found(&store, &["ana"]).await, []);
    assert_eq!(found(&store, &["bo"]).await, [user(1)]);
    for (version, state) in (3..).zip([AccountState::Disabled, AccountState::Deleting, AccountState::Deleted])
    {
        (account.version, account.state) = (version, state);
        accounts(&store).update(&account, &renamed).await.unwrap();
        assert_eq!(found(&store, &["bo"]).await, [], "{state:?}");
    }
    (account.version, account.state) = (6, AccountState::Active);
    accounts(&store).update(&account, &renamed).await.unwrap();
    assert_eq!(found(&store, &["bo"]).await, [user(1)]);
}

/// Found ones come by id, one more than the limit when there are more, each once however many words match.
pub async fn search_is_in_pages(store: Arc<dyn Store>) {
    for number in [5, 2, 9, 7] {
        create_found_by(&store, number, &["ana", "anatol", "anna"]).await;
    }
    for (after, items, expected) in
        [(None, 2, &[2, 5, 7][..]), (Some(5), 2, &[7, 9]), (Some(6), 1, &[7, 9]), (Some(9), 2, &[])]
    {
        let page =
            accounts(&store).search(&words(&["an", "ana"]), after.map(user), limit(items)).await.unwrap();
        let page: Vec<UserId> = page.into_iter().map(|account| account.user).collect();
        assert_eq!(page, expected.iter().copied().map(user).collect::<Vec<_>>(), "after {after:?}");
    }
}

/// Accounts of one state, by id, at most as many as asked.
pub async fn accounts_are_listed_by_state(store: Arc<dyn Store>) {
    let states =
        [AccountState::Active, AccountState::Disabled, AccountState::Deleting, AccountState::Deleted];
    for number in (1..=12).rev() {
        let mut account = account(number, "name");
        account.state = states[usize::try_from(number).unwrap() % states.len()];
        accounts(&store).create(&account, &Claims::default()).await.unwrap();
    }
    let of = |state, after: Option<u64>, limit| {
        let listed = accounts(&store).in_state(state, after.map(user), limit);
        async move { listed.await.unwrap().into_iter().map(|account| account.user).collect::<Vec<_>>() }
    };
    assert_eq!(of(AccountState::Active, None, 10).await, [user(4), user(8), user(12)]);
    assert_eq!(of(AccountState::Disabled, None, 2).await, [user(1), user(5)]);
    assert_eq!(of(AccountState::Deleting, Some(2), 10).await, [user(6), user(10)]);
    assert_eq!(of(AccountState::Deleted, Some(11), 10).await, []);
}

/// Of many who claim one value at once exactly one gets it, and the others have no account.
pub async fn a_claim_has_one_winner(store: Arc<dyn Store>) {
    let claimants = 32;
    let results = race(claimants, |number| {
        let (store, number) = (Arc::clone(&store), number as u64 + 1);
        async move { accounts(&store).create(&account(number, "ana"), &username("ana")).await.is_ok() }
    })
    .await;
    assert_eq!(results.iter().filter(|won| **won).count(), 1);
    let winner = results.iter().position(|won| *won).unwrap() as u64 + 1;
    assert_eq!(owner(&store, ClaimKind::Username, "ana").await, Some(user(winner)));
    let all: Vec<UserId> = (1..=claimants as u64).map(user).collect();
    let there = accounts(&store).load(&all).await.unwrap();
    assert_eq!(there.iter().flatten().map(|account| account.user).collect::<Vec<_>>(), [user(winner)]);
}

/// Of many updates from one version exactly one goes in.
pub async fn an_update_has_one_winner(store: Arc<dyn Store>) {
    accounts(&store).create(&account(1, "ana"), &Claims::default()).await.unwrap();
    let results = race(32, |number| {
        let store = Arc::clone(&store);
        async move {
            let mut next = account(1, &format!("ana{number}"));
            next.version = 2;
            accounts(&store).update(&next, &Claims::default()).await.is_ok()
        }
    })
    .await;
    let winners: Vec<usize> =
        (0..).zip(&results).filter(|(_, won)| **won).map(|(number, _)| number).collect();
    assert_eq!(winners.len(), 1);
    assert_eq!(load(&store, 1).await.unwrap().username, format!("ana{}", winners[0]));
}
