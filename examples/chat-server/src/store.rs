//! Which databases the settings name.
//!
//! There is one, or two: people and their logins may live elsewhere than what they say.

pub(crate) use chat_host::store::{Base, Opened, Place, Places};

use crate::settings::Settings;

/// The places that the settings name: by default a file in the data folder.
///
/// # Errors
/// When they are none.
pub(crate) fn places(settings: &Settings) -> anyhow::Result<Places> {
    let talk = match settings.store.as_deref() {
        None => Place::Sqlite(settings.data_dir.join("chat.db")),
        Some(url) => Place::parse("--store", url)?,
    };
    let accounts = settings.accounts_store.as_deref();
    Places::new(talk, accounts.map(|url| Place::parse("--accounts-store", url)).transpose()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_name_one_place_or_two() {
        let alone = places(&Settings::default()).unwrap();
        assert_eq!(alone, Places::new(Place::Sqlite("./chat-data/chat.db".into()), None).unwrap());
        let accounts_store = Some("sqlite:people.db".to_owned());
        let split = places(&Settings { accounts_store, ..Settings::default() }).unwrap();
        assert_eq!(split.people, Some(Place::Sqlite("people.db".into())));
        assert_eq!(split.files().count(), 2);
    }

    #[test]
    fn what_cannot_be_is_refused() {
        let same = Some("sqlite:a.db".to_owned());
        let twice = Settings { store: same.clone(), accounts_store: same, ..Settings::default() };
        assert!(places(&twice).is_err());
        let secret = Settings { accounts_store: Some("secret".to_owned()), ..Settings::default() };
        let error = format!("{:#}", places(&secret).unwrap_err());
        assert!(error.starts_with("--accounts-store") && !error.contains("secret"), "{error}");
    }
}
