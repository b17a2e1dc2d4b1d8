//! Operations on accounts that go by mail: proving an address, and choosing a new password.
//!
//! What is asked for is answered with 202 at once, the same for everybody: whether there was anything to write about is
//! told by mail or not at all.

use std::sync::Arc;

use axum::http::StatusCode;
use chat_core::accounts::Secret;

use super::Desk;
use super::accounts::{Access, Answer, Task};
use super::call::{Caller, nothing, told, with_status};
use crate::limit::Act;
use crate::wire::fields::{Shape as _, shape};
use crate::wire::show::{Empty, Show as _};

pub(crate) static REQUEST_VERIFICATION: Task = Task {
    about: "Asks for a mail by which one shows that one reads mail at one's address.",
    access: Access::Authenticated,
    fields: MailTo::fields,
    answer: Empty::schema,
    prepare: |fields| fields.job(request_verification),
};

pub(crate) static VERIFY: Task = Task {
    about: "Makes an e-mail address one's own, by the token that was mailed to it. Good once.",
    access: Access::Public,
    fields: Verify::fields,
    answer: Empty::schema,
    prepare: |fields| fields.job(verify),
};

pub(crate) static REQUEST_RESET: Task = Task {
    about: "Asks for a mail by which the owner of an address can choose a new password. The answer is the same whether \
            there is one or not.",
    access: Access::Public,
    fields: MailTo::fields,
    answer: Empty::schema,
    prepare: |fields| fields.job(request_reset),
};

pub(crate) static RESET: Task = Task {
    about: "Chooses a new password, by the token that was mailed. Good once; all logins end.",
    access: Access::Public,
    fields: Reset::fields,
    answer: Empty::schema,
    prepare: |fields| fields.job(reset),
};

shape! {
    /// Where mail is wanted.
    MailTo {
        /// The e-mail address.
        email: String,
    }

    /// A proof that one reads mail.
    Verify {
        /// What was mailed.
        token: Secret,
    }

    /// A new password.
    Reset {
        /// What was mailed.
        token: Secret,
        /// The password from now on.
        new_password: Secret,
    }
}

async fn request_verification(mail: MailTo, desk: Arc<Desk>, caller: Caller) -> Answer {
    let user = caller.login()?.user;
    desk.allow_from(&caller, Act::MailRequest)?;
    desk.accounts().request_verification(user, &mail.email).await.map_err(|error| told(&error))?;
    Ok(with_status(StatusCode::ACCEPTED))
}

async fn verify(proof: Verify, desk: Arc<Desk>, caller: Caller) -> Answer {
    desk.allow_from(&caller, Act::Login)?;
    desk.accounts().verify_email(&proof.token).await.map_err(|error| told(&error))?;
    Ok(nothing())
}

async fn request_reset(mail: MailTo, desk: Arc<Desk>, caller: Caller) -> Answer {
    desk.allow_from(&caller, Act::MailRequest)?;
    desk.accounts().request_password_reset(&mail.email).map_err(|error| told(&error))?;
    Ok(with_status(StatusCode::ACCEPTED))
}

async fn reset(new: Reset, desk: Arc<Desk>, caller: Caller) -> Answer {
    desk.allow_from(&caller, Act::Login)?;
    let done = desk.accounts().reset_password(&new.token, &new.new_password).await;
    done.map_err(|error| told(&error))?;
    Ok(nothing())
}
