//! The settings of a run, joined from flags, environment, file and defaults, in this order of precedence.
//!
//! clap has put the environment below the flags already; here the file and the defaults come below both. Limits and
//! policies are joined name by name. A key that the file should not have is refused: a misspelt setting is worse
//! than none.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use anyhow::Context as _;
use chat_core::{Limits, Policies};
use config::builder::DefaultState;
use config::{Config, ConfigBuilder, File, FileFormat};
use serde::de::{Deserialize, Deserializer, Error as _};

use crate::cli::{Flags, LogFormat};

/// Every setting.
#[derive(Clone, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Settings {
    pub(crate) listen: SocketAddr,
    pub(crate) data_dir: PathBuf,
    pub(crate) store: Option<String>,
    pub(crate) accounts_store: Option<String>,
    pub(crate) attachments: Option<String>,
    pub(crate) attachment_type: Vec<String>,
    pub(crate) notify: Option<String>,
    pub(crate) smtp: Option<String>,
    pub(crate) mail_from: Option<String>,
    pub(crate) public_url: Option<String>,
    pub(crate) signing_key_file: Option<PathBuf>,
    pub(crate) metrics_token: Option<String>,
    pub(crate) allowed_origin: Vec<String>,
    pub(crate) trusted_proxy: Vec<IpAddr>,
    #[serde(deserialize_with = "limits")]
    pub(crate) limit: Limits,
    #[serde(deserialize_with = "policies")]
    pub(crate) policy: Policies,
    pub(crate) log: LogFormat,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 8080)),
            data_dir: PathBuf::from("./chat-data"),
            store: None,
            accounts_store: None,
            attachments: None,
            attachment_type: Vec::new(),
            notify: None,
            smtp: None,
            mail_from: None,
            public_url: None,
            signing_key_file: None,
            metrics_token: None,
            allowed_origin: Vec::new(),
            trusted_proxy: Vec::new(),
            limit: Limits::default(),
            policy: Policies::default(),
            log: LogFormat::default(),
        }
    }
}

impl Settings {
    /// Joins what was given.
    ///
    /// # Errors
    /// When the file cannot be read, or a value is not what it should be; says which.
    pub(crate) fn load(flags: Flags) -> anyhow::Result<Self> {
        let mut builder = Config::builder();
        if let Some(path) = &flags.config {
            let text =
                std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
            builder = builder.add_source(File::from_str(&text, FileFormat::Toml));
        }
        let place = flags.config.as_ref().map(|path| format!("with {}", path.display()));
        let loaded = overridden(builder, flags)
            .and_then(ConfigBuilder::<DefaultState>::build)
            .and_then(Config::try_deserialize);
        let settings: Self = match place {
            Some(place) => loaded.context(place)?,
            None => loaded?,
        };
        let empty = settings.metrics_token.as_ref().is_some_and(String::is_empty);
        anyhow::ensure!(!empty, "the metrics token is empty: leave it out or give one");
        Ok(settings)
    }

    /// Makes the data folder when it is not there; the process makes only private ones.
    ///
    /// # Errors
    /// When it cannot be made.
    pub(crate) fn make_data_dir(&self) -> anyhow::Result<()> {
        let made = std::fs::create_dir_all(&self.data_dir);
        made.with_context(|| format!("cannot make the data folder {}", self.data_dir.display()))
    }

    /// Where the key that signs tokens is.
    pub(crate) fn signing_key_file(&self) -> PathBuf {
        self.signing_key_file.clone().unwrap_or_else(|| self.data_dir.join("signing.key"))
    }

    /// The address that browsers see. Without one it is where we listen, as it was asked for: the issuer of the
    /// tokens must be the same after a restart, also where port 0 picks another one.
    pub(crate) fn public_url(&self) -> String {
        self.public_url.clone().unwrap_or_else(|| format!("http://{}", self.listen))
    }
}

/// Puts what was given as flags or in the environment above the file.
fn overridden(
    builder: ConfigBuilder<DefaultState>,
    flags: Flags,
) -> Result<ConfigBuilder<DefaultState>, config::ConfigError> {
    let path = |path: PathBuf| path.to_string_lossy().into_owned();
    let texts = |items: Vec<_>| Some(items).filter(|items| !items.is_empty());
    let mut builder = builder
        .set_override_option("listen", flags.listen.map(|address| address.to_string()))?
        .set_override_option("data_dir", flags.data_dir.map(path))?
        .set_override_option("store", flags.store)?
        .set_override_option("accounts_store", flags.accounts_store)?
        .set_override_option("attachments", flags.attachments)?
        .set_override_option("attachment_type", texts(flags.attachment_type))?
        .set_override_option("notify", flags.notify)?
        .set_override_option("smtp", flags.smtp)?
        .set_override_option("mail_from", flags.mail_from)?
        .set_override_option("public_url", flags.public_url)?
        .set_override_option("signing_key_file", flags.signing_key_file.map(path))?
        .set_override_option("metrics_token", flags.metrics_token)?
        .set_override_option("allowed_origin", texts(flags.allowed_origin))?
        .set_override_option(
            "trusted_proxy",
            texts(flags.trusted_proxy.iter().map(IpAddr::to_string).collect()),
        )?
        .set_override_option("log", flags.log.map(|log| format!("{log:?}").to_lowercase()))?;
    for (name, value) in flags.limit {
        builder = builder.set_override(format!("limit.{name}"), value)?;
    }
    for (name, value) in flags.policy {
        builder = builder.set_override(format!("policy.{name}"), value)?;
    }
    Ok(builder)
}

/// The table of limits over the defaults.
fn limits<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Limits, D::Error> {
    let mut limits = Limits::default();
    for (name, value) in BTreeMap::<String, u64>::deserialize(deserializer)? {
        limits.set(&name, value).map_err(|_| D::Error::custom(format!("there is no limit {name}")))?;
    }
    Ok(limits)
}

/// The table of policies over the defaults.
fn policies<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Policies, D::Error> {
    let mut policies = Policies::default();
    for (name, value) in BTreeMap::<String, String>::deserialize(deserializer)? {
        let refused = |_| D::Error::custom(format!("there is no policy {name} that can be {value}"));
        policies.set(&name, &value).map_err(refused)?;
    }
    Ok(policies)
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use clap::Parser as _;

    use super::*;
    use crate::cli::Cli;

    fn load(file: &str, flags: &[&str]) -> anyhow::Result<Settings> {
        let mut config = tempfile::NamedTempFile::new()?;
        config.write_all(file.as_bytes())?;
        let line = ["chat-server", "--config", config.path().to_str().expect("UTF-8")];
        Settings::load(Cli::try_parse_from(line.iter().chain(flags))?.flags)
    }

    #[test]
    fn nothing_given_is_the_default() {
        assert_eq!(Settings::load(Flags::default()).unwrap(), Settings::default());
        assert_eq!(load("", &[]).unwrap(), Settings::default());
    }

    #[test]
    fn the_file_can_say_everything() {
        let settings = load(
            r#"
            listen = "0.0.0.0:1"
            data_dir = "d"
            store = "memory:"
            smtp = "smtp://localhost"
            mail_from = "chat@example.org"
            attachments = "files"
            attachment_type = ["image/*"]
            public_url = "https://chat.example.org"
            signing_key_file = "k"
            metrics_token = "t"
            allowed_origin = ["https://a.example", "https://b.example"]
            trusted_proxy = ["10.0.0.1"]
            log = "json"
            [limit]
            group_members_max = 7
            [policy]
            direct = "anyone"
            "#,
            &[],
        )
        .unwrap();
        let mut expected = Settings {
            listen: "0.0.0.0:1".parse().unwrap(),
            data_dir: "d".into(),
            store: Some("memory:".to_owned()),
            smtp: Some("smtp://localhost".to_owned()),
            mail_from: Some("chat@example.org".to_owned()),
            attachments: Some("files".to_owned()),
            attachment_type: vec!["image/*".to_owned()],
            public_url: Some("https://chat.example.org".to_owned()),
            signing_key_file: Some("k".into()),
            metrics_token: Some("t".to_owned()),
            allowed_origin: vec!["https://a.example".to_owned(), "https://b.example".to_owned()],
            trusted_proxy: vec!["10.0.0.1".parse().unwrap()],
            log: LogFormat::Json,
            ..Settings::default()
        };
        expected.limit.group_members_max = 7;
        expected.policy.set("direct", "anyone").unwrap();
        assert_eq!(settings, expected);
    }

    #[test]
    fn a_flag_wins_over_the_file_and_limits_are_joined_by_name() {
        let file = "listen = '127.0.0.1:1'\nlog = 'json'\nallowed_origin = ['https://a.example']\n\
                    [limit]\ngroup_members_max = 7\nmentions_max = 3\n";
        let flags =
            ["--listen", "127.0.0.1:2", "--limit", "mentions_max=4", "--allowed-origin", "https://b.example"];
        let settings = load(file, &flags).unwrap();
        assert_eq!(settings.listen.port(), 2);
        assert_eq!(settings.log, LogFormat::Json);
        assert_eq!(settings.allowed_origin, ["https://b.example"]);
        assert_eq!((settings.limit.group_members_max, settings.limit.mentions_max), (7, 4));
    }

    #[test]
    fn what_is_unknown_or_of_the_wrong_kind_is_refused_by_name() {
        for (file, culprit) in [
            ("lissten = '127.0.0.1:1'", "lissten"),
            ("listen = 8080", "listen"),
            ("log = 'xml'", "log"),
            ("[limit]\nmembers = 1", "members"),
            ("[limit]\nmentions_max = -1", "mentions_max"),
            ("[policy]\ndirect = 'nobody'", "direct"),
            ("metrics_token = ''", "metrics token"),
            ("listen = ", "TOML"),
        ] {
            let error = format!("{:#}", load(file, &[]).unwrap_err());
            assert!(error.contains(culprit), "{file}: {error}");
        }
    }
}
