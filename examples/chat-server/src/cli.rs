//! The command line: subcommands, and one flag for every setting.
//!
//! Flags are `Option`s without defaults, since a default may only be used after the file was asked; [`settings`]
//! joins the sources. What a flag does and its default stand here once, for `--help`.
//!
//! [`settings`]: crate::settings

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use chat_core::{Limits, Policies};
use clap::{Args, Parser, Subcommand, ValueEnum};
use serde::Deserialize;

/// A chat server in one binary: accounts, friends, direct chats, groups, a web page.
///
/// Without arguments it serves on 127.0.0.1:8080 with SQLite in ./chat-data.
#[derive(Debug, Parser)]
#[command(
    name = "chat-server",
    version,
    after_help = "Every setting is looked for as a flag, then in the environment, then in the file, then it has its \
                  default. In the file its name is the flag's with underscores; limits and policies are the tables \
                  [limit] and [policy].\nHow much is logged is set by RUST_LOG (default: info)."
)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
    #[command(flatten)]
    pub(crate) flags: Flags,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Serve until SIGTERM or SIGINT (the default)
    Serve,
    /// Copy the database file (SQLite) into a new one, also while the server runs
    Backup {
        /// The file to make; it must not exist
        path: PathBuf,
    },
    /// Verify the database: positions without holes, heads, unread counts; exits 1 when something is wrong
    Check,
    /// Let every client start anew, after a backup was put in the place of the database; before the server starts
    Restored,
    /// Copy everything into another database, also while the server runs, and compare; exits 1 while the copy is not
    /// whole: made again it goes on where it was
    Copy(CopyArgs),
    /// Look after accounts, also while the server runs
    #[command(subcommand)]
    User(UserCommand),
}

/// From where to where.
#[derive(Debug, Args)]
pub(crate) struct CopyArgs {
    /// What is copied, as in --store [default: what --store and --accounts-store name]
    #[arg(long, value_name = "URL")]
    pub(crate) from: Option<String>,
    /// Where its accounts are, when elsewhere
    #[arg(long, value_name = "URL")]
    pub(crate) from_accounts: Option<String>,
    /// Where the copy is made, as in --store; nothing else may use it
    #[arg(long, value_name = "URL")]
    pub(crate) to: String,
    /// Where its accounts are to be, when elsewhere
    #[arg(long, value_name = "URL")]
    pub(crate) to_accounts: Option<String>,
}

/// What to do with an account.
#[derive(Debug, Subcommand)]
pub(crate) enum UserCommand {
    /// Make an account; the password is asked for, or is the first line of standard input
    Create {
        /// The name to log in with
        username: String,
        /// The name that others see
        #[arg(long, value_name = "NAME")]
        full_name: Option<String>,
    },
    /// End all logins of an account and allow no more
    Disable {
        /// Whose
        username: String,
    },
    /// Allow logins again
    Enable {
        /// Whose
        username: String,
    },
    /// List the logins of an account
    Sessions {
        /// Whose
        username: String,
    },
    /// End one login of an account, or all
    Revoke {
        /// Whose
        username: String,
        /// Which one, as `sessions` shows it; without it all
        session: Option<String>,
    },
}

/// How log lines look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub(crate) enum LogFormat {
    /// For people
    #[default]
    Human,
    /// One JSON object a line
    Json,
}

/// Every setting, where it was given as a flag or in the environment.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Settings")]
#[expect(clippy::doc_markdown, reason = "these are the texts of --help, which is no Markdown")]
pub(crate) struct Flags {
    /// Address to listen on; port 0 picks a free one [default: 127.0.0.1:8080]
    #[arg(long, env = "CHAT_LISTEN", value_name = "ADDRESS:PORT", global = true)]
    pub(crate) listen: Option<SocketAddr>,

    /// Folder of the database and the signing key; made when missing [default: ./chat-data]
    #[arg(long, env = "CHAT_DATA_DIR", value_name = "DIR", global = true)]
    pub(crate) data_dir: Option<PathBuf>,

    /// Where messages are kept: sqlite:PATH, postgres://…, mysql://… (MariaDB too), mongodb://…, or memory: to keep
    /// nothing [default: sqlite:DATA_DIR/chat.db]
    #[arg(long, env = "CHAT_STORE", value_name = "URL", hide_env_values = true, global = true)]
    pub(crate) store: Option<String>,

    /// Where accounts, friendships and logins are kept, when elsewhere than messages; as --store [default: with the
    /// messages]
    #[arg(long, env = "CHAT_ACCOUNTS_STORE", value_name = "URL", hide_env_values = true, global = true)]
    pub(crate) accounts_store: Option<String>,

    /// Where the files of messages are kept: a folder, or s3://BUCKET/PREFIX with what clients of S3 find in the
    /// environment (AWS_…); several servers share one place [default: DATA_DIR/attachments, in memory with --store
    /// memory:]
    #[arg(long, env = "CHAT_ATTACHMENTS", value_name = "URL|DIR", hide_env_values = true, global = true)]
    pub(crate) attachments: Option<String>,

    /// A type of files that is taken, image/png or image/*; repeatable, in the environment separated by commas
    /// [default: all]
    #[arg(long, env = "CHAT_ATTACHMENT_TYPE", value_name = "TYPE", value_delimiter = ',', global = true)]
    pub(crate) attachment_type: Vec<String>,

    /// How several servers tell each other what is new: redis://…, nats://…, postgres://…, or postgres for the database
    /// of the store [default: they ask the database every second]
    #[arg(long, env = "CHAT_NOTIFY", value_name = "URL", hide_env_values = true, global = true)]
    pub(crate) notify: Option<String>,

    /// Mail server that brings verifications and password resets: smtps://USER:PASSWORD@HOST, or smtp://HOST:PORT
    /// without TLS and password [default: none; no mail is sent]
    #[arg(long, env = "CHAT_SMTP", value_name = "URL", hide_env_values = true, global = true)]
    pub(crate) smtp: Option<String>,

    /// Who that mail is from: an address, or a name and an address in angle brackets [default: none; needed with --smtp]
    #[arg(long, env = "CHAT_MAIL_FROM", value_name = "ADDRESS", global = true)]
    pub(crate) mail_from: Option<String>,

    /// Address that browsers see, scheme included; issuer of the tokens [default: http://LISTEN]
    #[arg(long, env = "CHAT_PUBLIC_URL", value_name = "URL", global = true)]
    pub(crate) public_url: Option<String>,

    /// File of the key that signs tokens: base64url, one key a line, the first one signs, mode 0600; made when
    /// missing [default: DATA_DIR/signing.key]
    #[arg(long, env = "CHAT_SIGNING_KEY_FILE", value_name = "FILE", global = true)]
    pub(crate) signing_key_file: Option<PathBuf>,

    /// Bearer token that /metrics asks for [default: none; /metrics answers direct requests from this machine only]
    #[arg(long, env = "CHAT_METRICS_TOKEN", value_name = "TOKEN", hide_env_values = true, global = true)]
    pub(crate) metrics_token: Option<String>,

    /// Origin of web pages that may connect besides our own host's; repeatable, in the environment separated by
    /// commas [default: none]
    #[arg(long, env = "CHAT_ALLOWED_ORIGIN", value_name = "ORIGIN", value_delimiter = ',', global = true)]
    pub(crate) allowed_origin: Vec<String>,

    /// Address of a proxy whose X-Forwarded-For is believed; repeatable, in the environment separated by commas
    /// [default: none]
    #[arg(long, env = "CHAT_TRUSTED_PROXY", value_name = "ADDRESS", value_delimiter = ',', global = true)]
    pub(crate) trusted_proxy: Vec<IpAddr>,

    /// A limit; repeatable, in the environment separated by commas (--help lists all)
    #[arg(
        long,
        env = "CHAT_LIMIT",
        value_name = "NAME=VALUE",
        value_delimiter = ',',
        value_parser = limit,
        long_help = limits_help(),
        global = true
    )]
    pub(crate) limit: Vec<(String, u64)>,

    /// A policy; repeatable, in the environment separated by commas (--help lists all)
    #[arg(
        long,
        env = "CHAT_POLICY",
        value_name = "NAME=VALUE",
        value_delimiter = ',',
        value_parser = policy,
        long_help = policies_help(),
        global = true
    )]
    pub(crate) policy: Vec<(String, String)>,

    /// File of settings, TOML [default: none]
    #[arg(long, env = "CHAT_CONFIG", value_name = "FILE", global = true)]
    pub(crate) config: Option<PathBuf>,

    /// How log lines on standard error look [default: human]
    #[arg(long, env = "CHAT_LOG", value_name = "FORMAT", global = true)]
    pub(crate) log: Option<LogFormat>,
}

/// `NAME=VALUE` of a limit.
fn limit(text: &str) -> Result<(String, u64), &'static str> {
    let (name, value) = assignment(text)?;
    let value = value.parse().map_err(|_| "expected a whole number after NAME=")?;
    Limits::default().set(name, value).map_err(|_| "there is no limit of this name")?;
    Ok((name.to_owned(), value))
}

/// `NAME=VALUE` of a policy.
fn policy(text: &str) -> Result<(String, String), &'static str> {
    let (name, value) = assignment(text)?;
    Policies::default().set(name, value).map_err(|_| "no policy of this name takes this value")?;
    Ok((name.to_owned(), value.to_owned()))
}

/// `NAME=VALUE`.
fn assignment(text: &str) -> Result<(&str, &str), &'static str> {
    let (name, value) = text.split_once('=').ok_or("expected NAME=VALUE")?;
    Ok((name.trim(), value.trim()))
}

/// The help of `--limit`: every limit with its default.
fn limits_help() -> String {
    let defaults = Limits::default();
    let all = defaults.iter().map(|(name, value)| format!("  {name}={value}"));
    listed("A limit; repeatable, in the environment separated by commas. Names and defaults:", all)
}

/// The help of `--policy`: every policy with its values, the default first.
fn policies_help() -> String {
    let all = Policies::NAMES.iter().map(|(name, values)| format!("  {name}={values}"));
    listed(
        "A policy; repeatable, in the environment separated by commas. Names and values, defaults first:",
        all,
    )
}

fn listed(head: &str, lines: impl Iterator<Item = String>) -> String {
    std::iter::once(head.to_owned()).chain(lines).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_setting_has_its_variable_and_its_default_in_the_help() {
        for argument in Flags::augment_args(clap::Command::new("test")).get_arguments() {
            let name = argument.get_id().as_str();
            let variable = format!("CHAT_{}", name.to_uppercase());
            assert_eq!(argument.get_env().and_then(|env| env.to_str()), Some(&*variable));
            let help = argument.get_long_help().or(argument.get_help()).map(ToString::to_string);
            let help = help.unwrap_or_default();
            assert!(help.contains("[default: ") || help.contains("defaults"), "{name}: {help}");
        }
    }

    #[test]
    fn the_first_value_of_a_policy_is_its_default() {
        let mut policies = Policies::default();
        for (name, values) in Policies::NAMES {
            policies.set(name, values.split('|').next().unwrap()).unwrap();
        }
        assert_eq!(policies, Policies::default());
    }

    #[test]
    fn settings_may_stand_before_and_after_the_subcommand() {
        for line in [["chat-server", "--data-dir", "d", "check"], ["chat-server", "check", "--data-dir", "d"]]
        {
            let cli = Cli::try_parse_from(line).unwrap();
            assert!(matches!(cli.command, Some(Command::Check)));
            assert_eq!(cli.flags.data_dir, Some(PathBuf::from("d")));
        }
    }

    #[test]
    fn limits_and_policies_are_names_that_exist_with_values_that_fit() {
        assert_eq!(limit("mentions_max = 5"), Ok(("mentions_max".to_owned(), 5)));
        for wrong in ["mentions_max", "mentions=5", "mentions_max=-1", "mentions_max=1.5", "a[=1"] {
            assert!(limit(wrong).is_err(), "{wrong}");
        }
        assert_eq!(policy("direct=anyone"), Ok(("direct".to_owned(), "anyone".to_owned())));
        assert!(
            policy("direct").is_err() && policy("direct=nobody").is_err() && policy("door=anyone").is_err()
        );
    }
}
