//! What mails say, in the languages we have. `{service}`, `{username}` and `{time}` are filled in.

use chat_core::accounts::Letter;

/// Everything in one language.
pub(crate) struct Words {
    /// Its tag.
    pub(crate) language: &'static str,
    pub(crate) greeting: &'static str,
    verify_email: Phrases,
    reset_password: Phrases,
    email_taken: Phrases,
    password_changed: Phrases,
    email_changed: Phrases,
}

/// One letter.
pub(crate) struct Phrases {
    pub(crate) subject: &'static str,
    pub(crate) before: &'static [&'static str],
    /// What the link says; of letters without a link, nothing.
    pub(crate) link: &'static str,
    pub(crate) after: &'static [&'static str],
}

impl Words {
    /// In the language of a tag, whatever its region; else in English.
    pub(crate) fn for_locale(locale: Option<&str>) -> &'static Self {
        let language = locale.and_then(|tag| tag.split('-').next()).unwrap_or_default();
        ALL.into_iter().find(|words| words.language == language).unwrap_or(&ENGLISH)
    }

    pub(crate) const fn for_letter(&self, letter: &Letter) -> &Phrases {
        match letter {
            Letter::VerifyEmail { .. } => &self.verify_email,
            Letter::ResetPassword { .. } => &self.reset_password,
            Letter::EmailTaken => &self.email_taken,
            Letter::EmailChanged => &self.email_changed,
            // A letter of later says at least that something was changed.
            _ => &self.password_changed,
        }
    }
}

static ALL: [&Words; 4] = [&ENGLISH, &GERMAN, &FRENCH, &SPANISH];

static ENGLISH: Words = Words {
    language: "en",
    greeting: "Hello {username},",
    verify_email: Phrases {
        subject: "{service}: confirm your e-mail address",
        before: &["This address was given for your account at {service}. Please confirm that it is yours:"],
        link: "Confirm this address",
        after: &[
            "The link is good for {time} and can be used once.",
            "If you have no account at {service}, somebody mistyped an address: there is nothing for you to do.",
        ],
    },
    reset_password: Phrases {
        subject: "{service}: choose a new password",
        before: &["Somebody, probably you, wants to choose a new password for your account at {service}:"],
        link: "Choose a new password",
        after: &[
            "The link is good for {time} and can be used once. All devices are logged out then.",
            "If it was not you, leave this mail alone: your password stays as it is.",
        ],
    },
    email_taken: Phrases {
        subject: "{service}: your e-mail address was given again",
        before: &[
            "Somebody gave this address for another account at {service}. It belongs to your account {username}, and \
             nothing has changed.",
        ],
        link: "",
        after: &[
            "If it was you: log in with your account, or ask for a new password if you have forgotten it.",
        ],
    },
    password_changed: Phrases {
        subject: "{service}: your password was changed",
        before: &[
            "The password of your account {username} at {service} was changed, and other devices were logged out.",
        ],
        link: "",
        after: &["If it was not you, ask for a new password on the login page at once."],
    },
    email_changed: Phrases {
        subject: "{service}: your e-mail address was changed",
        before: &["This is no longer the e-mail address of your account {username} at {service}."],
        link: "",
        after: &["If it was not you, change your password at once, and write to those who run {service}."],
    },
};

static GERMAN: Words = Words {
    language: "de",
    greeting: "Hallo {username},",
    verify_email: Phrases {
        subject: "{service}: E-Mail-Adresse bestätigen",
        before: &[
            "diese Adresse wurde für dein Konto bei {service} angegeben. Bitte bestätige, dass es deine ist:",
        ],
        link: "Adresse bestätigen",
        after: &[
            "Der Link gilt {time} und kann einmal benutzt werden.",
            "Wenn du kein Konto bei {service} hast, hat sich jemand vertippt: Du brauchst nichts zu tun.",
        ],
    },
    reset_password: Phrases {
        subject: "{service}: neues Passwort wählen",
        before: &[
            "jemand, wahrscheinlich du, möchte ein neues Passwort für dein Konto bei {service} wählen:",
        ],
        link: "Neues Passwort wählen",
        after: &[
            "Der Link gilt {time} und kann einmal benutzt werden. Alle Geräte werden dann abgemeldet.",
            "Wenn du es nicht warst, lass diese Mail liegen: Dein Passwort bleibt, wie es ist.",
        ],
    },
    email_taken: Phrases {
        subject: "{service}: deine E-Mail-Adresse wurde noch einmal angegeben",
        before: &[
            "jemand hat diese Adresse für ein anderes Konto bei {service} angegeben. Sie gehört zu deinem Konto \
             {username}, und nichts hat sich geändert.",
        ],
        link: "",
        after: &[
            "Wenn du es warst: Melde dich mit deinem Konto an, oder lass dir ein neues Passwort schicken.",
        ],
    },
    password_changed: Phrases {
        subject: "{service}: dein Passwort wurde geändert",
        before: &[
            "das Passwort deines Kontos {username} bei {service} wurde geändert, andere Geräte wurden abgemeldet.",
        ],
        link: "",
        after: &["Wenn du es nicht warst, lass dir auf der Anmeldeseite sofort ein neues Passwort schicken."],
    },
    email_changed: Phrases {
        subject: "{service}: deine E-Mail-Adresse wurde geändert",
        before: &["dies ist nicht mehr die E-Mail-Adresse deines Kontos {username} bei {service}."],
        link: "",
        after: &[
            "Wenn du es nicht warst, ändere sofort dein Passwort und schreib denen, die {service} betreiben.",
        ],
    },
};

static FRENCH: Words = Words {
    language: "fr",
    greeting: "Bonjour {username},",
    verify_email: Phrases {
        subject: "{service} : confirmez votre adresse e-mail",
        before: &[
            "Cette adresse a été indiquée pour votre compte {service}. Veuillez confirmer qu’elle est bien à vous :",
        ],
        link: "Confirmer cette adresse",
        after: &[
            "Le lien est valable {time} et ne peut servir qu’une fois.",
            "Si vous n’avez pas de compte {service}, quelqu’un s’est trompé d’adresse : vous n’avez rien à faire.",
        ],
    },
    reset_password: Phrases {
        subject: "{service} : choisissez un nouveau mot de passe",
        before: &[
            "Quelqu’un, sans doute vous, souhaite choisir un nouveau mot de passe pour votre compte {service} :",
        ],
        link: "Choisir un nouveau mot de passe",
        after: &[
            "Le lien est valable {time} et ne peut servir qu’une fois. Tous les appareils seront alors déconnectés.",
            "Si ce n’était pas vous, ignorez ce message : votre mot de passe reste inchangé.",
        ],
    },
    email_taken: Phrases {
        subject: "{service} : votre adresse e-mail a été indiquée à nouveau",
        before: &[
            "Quelqu’un a indiqué cette adresse pour un autre compte {service}. Elle appartient à votre compte \
             {username}, et rien n’a changé.",
        ],
        link: "",
        after: &["Si c’était vous : connectez-vous à votre compte, ou demandez un nouveau mot de passe."],
    },
    password_changed: Phrases {
        subject: "{service} : votre mot de passe a été modifié",
        before: &[
            "Le mot de passe de votre compte {username} chez {service} a été modifié, et les autres appareils ont été \
             déconnectés.",
        ],
        link: "",
        after: &[
            "Si ce n’était pas vous, demandez aussitôt un nouveau mot de passe sur la page de connexion.",
        ],
    },
    email_changed: Phrases {
        subject: "{service} : votre adresse e-mail a été modifiée",
        before: &["Cette adresse n’est plus celle de votre compte {username} chez {service}."],
        link: "",
        after: &[
            "Si ce n’était pas vous, changez aussitôt votre mot de passe et écrivez à ceux qui gèrent {service}.",
        ],
    },
};

static SPANISH: Words = Words {
    language: "es",
    greeting: "Hola, {username}:",
    verify_email: Phrases {
        subject: "{service}: confirma tu dirección de correo",
        before: &["Esta dirección se indicó para tu cuenta de {service}. Confirma que es tuya:"],
        link: "Confirmar esta dirección",
        after: &[
            "El enlace vale durante {time} y solo puede usarse una vez.",
            "Si no tienes cuenta en {service}, alguien se equivocó de dirección: no tienes que hacer nada.",
        ],
    },
    reset_password: Phrases {
        subject: "{service}: elige una contraseña nueva",
        before: &[
            "Alguien, probablemente tú, quiere elegir una contraseña nueva para tu cuenta de {service}:",
        ],
        link: "Elegir una contraseña nueva",
        after: &[
            "El enlace vale durante {time} y solo puede usarse una vez. Se cerrará la sesión en todos los dispositivos.",
            "Si no fuiste tú, no hagas nada: tu contraseña sigue siendo la misma.",
        ],
    },
    email_taken: Phrases {
        subject: "{service}: tu dirección de correo se indicó otra vez",
        before: &[
            "Alguien indicó esta dirección para otra cuenta de {service}. Pertenece a tu cuenta {username}, y nada ha \
             cambiado.",
        ],
        link: "",
        after: &["Si fuiste tú: entra con tu cuenta o pide una contraseña nueva."],
    },
    password_changed: Phrases {
        subject: "{service}: tu contraseña ha cambiado",
        before: &[
            "La contraseña de tu cuenta {username} de {service} ha cambiado, y se cerró la sesión en otros dispositivos.",
        ],
        link: "",
        after: &["Si no fuiste tú, pide enseguida una contraseña nueva en la página de entrada."],
    },
    email_changed: Phrases {
        subject: "{service}: tu dirección de correo ha cambiado",
        before: &["Esta ya no es la dirección de tu cuenta {username} de {service}."],
        link: "",
        after: &["Si no fuiste tú, cambia enseguida tu contraseña y escribe a quienes llevan {service}."],
    },
};
