//! A mail in words: the same paragraphs as text and as HTML, so that neither says what the other does not.

use chat_core::accounts::{Letter, Mail};
use url::Url;

use crate::words::{Phrases, Words};

/// A mail as it is sent.
pub(crate) struct Written {
    pub(crate) subject: String,
    pub(crate) text: String,
    pub(crate) html: String,
}

/// What is said, in order.
struct Paragraphs {
    before: Vec<String>,
    /// What the link says, and where it leads.
    link: Option<(&'static str, String)>,
    after: Vec<String>,
}

impl Written {
    /// Writes a mail of `service`, with links to `page`.
    pub(crate) fn new(mail: &Mail, service: &str, page: &Url) -> Self {
        let words = Words::for_locale(mail.locale.as_deref());
        let phrases = words.for_letter(&mail.letter);
        let fill = |text: &str, time: &str| {
            // One pass: a username that looks like a place to be filled stays what it is.
            let mut filled = String::new();
            let mut rest = text;
            while let Some((before, after)) = rest.split_once('{') {
                let (name, after) = after.split_once('}').unwrap_or((after, ""));
                filled.push_str(before);
                filled.push_str(match name {
                    "service" => service,
                    "username" => &mail.username,
                    "time" => time,
                    _ => "",
                });
                rest = after;
            }
            filled + rest
        };
        let paragraphs = Paragraphs::new(words, phrases, &mail.letter, page, fill);
        let subject = fill(phrases.subject, "");
        Self { text: paragraphs.text(), html: paragraphs.html(words.language, &subject), subject }
    }
}

impl Paragraphs {
    fn new(
        words: &Words,
        phrases: &Phrases,
        letter: &Letter,
        page: &Url,
        fill: impl Fn(&str, &str) -> String,
    ) -> Self {
        let (anchor, seconds) = match letter {
            Letter::VerifyEmail { token, expires_in } => (Some(("verify-email", token)), *expires_in),
            Letter::ResetPassword { token, expires_in } => (Some(("reset-password", token)), *expires_in),
            _ => (None, 0),
        };
        let link = anchor.map(|(name, token)| {
            let mut link = page.clone();
            link.set_fragment(Some(&format!("{name}={}", token.expose())));
            (phrases.link, link.to_string())
        });
        let time = time(seconds);
        let said = |texts: &[&str]| texts.iter().map(|text| fill(text, &time)).collect::<Vec<_>>();
        let mut before = said(&[words.greeting]);
        before.extend(said(phrases.before));
        Self { before, link, after: said(phrases.after) }
    }

    fn text(&self) -> String {
        let link = self.link.iter().map(|(_, link)| link.as_str());
        let before = self.before.iter().map(String::as_str);
        let all: Vec<&str> = before.chain(link).chain(self.after.iter().map(String::as_str)).collect();
        all.join("\r\n\r\n") + "\r\n"
    }

    fn html(&self, language: &str, subject: &str) -> String {
        let paragraph = |text: &String| format!("<p>{}</p>\r\n", escaped(text));
        let link = self.link.iter().map(|(says, link)| {
            let (says, link) = (escaped(says), escaped(link));
            format!("<p><a href=\"{link}\" style=\"{BUTTON}\">{says}</a></p>\r\n<p style=\"{SMALL}\">{link}</p>\r\n")
        });
        let body: String =
            self.before.iter().map(paragraph).chain(link).chain(self.after.iter().map(paragraph)).collect();
        format!(
            "<!doctype html>\r\n<html lang=\"{language}\">\r\n<head><meta charset=\"utf-8\">\
             <title>{}</title></head>\r\n<body style=\"{PAGE}\">\r\n{body}</body>\r\n</html>\r\n",
            escaped(subject)
        )
    }
}

const PAGE: &str =
    "font-family:sans-serif;line-height:1.5;max-width:36em;margin:2em auto;padding:0 1em;color:#222";
const BUTTON: &str = "display:inline-block;padding:.7em 1.4em;border-radius:.4em;background:#2457c5;color:#fff;\
                      text-decoration:none";
const SMALL: &str = "font-size:.8em;color:#666;word-break:break-all";

/// A time as every language we have writes it.
fn time(seconds: u64) -> String {
    if seconds >= 3_600 { format!("{} h", seconds / 3_600) } else { format!("{} min", seconds.div_ceil(60)) }
}

fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    fn letters() -> [Letter; 5] {
        [
            Letter::VerifyEmail { token: "TOKEN-1".into(), expires_in: 86_400 },
            Letter::ResetPassword { token: "TOKEN-2".into(), expires_in: 1_800 },
            Letter::EmailTaken,
            Letter::PasswordChanged,
            Letter::EmailChanged,
        ]
    }

    fn written(letter: Letter, username: &str, locale: Option<&str>) -> Written {
        let mut mail = Mail::new("ada@example.org", username, letter);
        mail.locale = locale.map(str::to_owned);
        Written::new(&mail, "Chat", &Url::parse("https://chat.example.org/app").unwrap())
    }

    #[test]
    fn every_letter_is_complete_in_every_language() {
        for locale in [None, Some("en"), Some("de-AT"), Some("fr"), Some("es-419"), Some("xx")] {
            for letter in letters() {
                let name = letter.name();
                let written = written(letter, "ada", locale);
                for text in [&written.subject, &written.text, &written.html] {
                    assert!(!text.is_empty() && !text.contains(['{', '}']), "{locale:?} {name}: {text}");
                }
                assert!(!written.subject.contains(['\r', '\n']));
                assert!(written.text.contains("ada") && written.html.contains("ada"), "{locale:?} {name}");
                let has_link = written.text.contains("https://chat.example.org/app#");
                assert_eq!(has_link, matches!(name, "verify_email" | "reset_password"), "{locale:?} {name}");
            }
        }
    }

    #[test]
    fn the_link_stands_in_both_and_says_how_long_it_is_good() {
        let [verify, reset, ..] = letters();
        let verify = written(verify, "ada", None);
        assert!(verify.text.contains("https://chat.example.org/app#verify-email=TOKEN-1\r\n"));
        assert!(verify.html.contains("href=\"https://chat.example.org/app#verify-email=TOKEN-1\""));
        assert!(verify.text.contains("24 h"));
        let reset = written(reset, "ada", Some("de"));
        assert!(reset.text.contains("#reset-password=TOKEN-2") && reset.text.contains("30 min"));
        assert!(reset.html.contains("<html lang=\"de\">"));
    }

    #[test]
    fn a_name_is_a_name_whatever_stands_in_it() {
        let written = written(Letter::PasswordChanged, "<b>&{time}'\"", None);
        assert!(written.text.contains("<b>&{time}'\""));
        assert!(written.html.contains("&lt;b&gt;&amp;{time}&#39;&quot;") && !written.html.contains("<b>"));
    }
}
