//! Operations on accounts and logins of our own; there when the router was given the service.

use std::future::Future;
use std::net::IpAddr;
use std::sync::Arc;

use axum::http::StatusCode;
use axum::response::Response;
use chat_core::accounts::{self, Accounts, Login, ProfilePatch, Registration, Secret, Ticket, Tokens};
use chat_core::store::Account;
use chat_core::{Device, Patch, SessionId};
use serde_json::Value as Schema;

use super::Desk;
use super::account_models::{SessionView, Sessions};
use super::call::{Caller, Job, json, nothing, told};
use crate::limit::Act;
use crate::problem::Failure;
use crate::wire::fields::{FieldDoc, Fields, Nothing, Shape, shape};
use crate::wire::frames::bare;
use crate::wire::requests::one_of;
use crate::wire::show::{Empty, Show};

/// What an operation on accounts does.
pub(crate) struct Task {
    /// What it is for, for people.
    pub(crate) about: &'static str,
    /// Who may ask.
    pub(crate) access: Access,
    /// Its fields.
    pub(crate) fields: fn() -> Vec<FieldDoc>,
    /// What it answers.
    pub(crate) answer: fn() -> Schema,
    /// Reads its shape.
    pub(super) prepare: fn(Fields<'_>) -> Result<Job, Failure>,
}

/// Who may ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    /// Anybody.
    Public,
    /// Who shows who he is.
    Authenticated,
}

pub(crate) static REGISTER: Task = Task {
    about: "Makes an account. An e-mail address that is taken is answered like a free one.",
    access: Access::Public,
    fields: Register::fields,
    answer: Account::schema,
    prepare: |fields| fields.job(register),
};

pub(crate) static ME: Task = Task {
    about: "One's own account.",
    access: Access::Authenticated,
    fields: Nothing::fields,
    answer: Account::schema,
    prepare: |fields| fields.job(me),
};

pub(crate) static UPDATE: Task = Task {
    about: "Changes what one says of oneself: what is absent stays, null clears.",
    access: Access::Authenticated,
    fields: UpdateMe::fields,
    answer: Account::schema,
    prepare: |fields| fields.job(update),
};

pub(crate) static DELETE: Task = Task {
    about: "Deletes one's own account. Its messages stay, and its username stays taken.",
    access: Access::Authenticated,
    fields: DeleteMe::fields,
    answer: Empty::schema,
    prepare: |fields| fields.job(delete),
};

pub(crate) static CHANGE_PASSWORD: Task = Task {
    about: "Changes one's password; one's other logins end.",
    access: Access::Authenticated,
    fields: ChangePassword::fields,
    answer: Empty::schema,
    prepare: |fields| fields.job(change_password),
};

pub(crate) static LOG_IN: Task = Task {
    about: "Begins a login, by username or by e-mail address.",
    access: Access::Public,
    fields: LogIn::fields,
    answer: Tokens::schema,
    prepare: |fields| fields.job(log_in),
};

pub(crate) static REFRESH: Task = Task {
    about: "Exchanges a refresh token, once, for the next tokens.",
    access: Access::Public,
    fields: Refresh::fields,
    answer: Tokens::schema,
    prepare: |fields| fields.job(refresh),
};

pub(crate) static SESSIONS: Task = Task {
    about: "One's logins, oldest first.",
    access: Access::Authenticated,
    fields: Nothing::fields,
    answer: <Sessions<'_> as Show>::schema,
    prepare: |fields| fields.job(sessions),
};

pub(crate) static LOG_OUT: Task = Task {
    about: "Ends the login one asks with.",
    access: Access::Authenticated,
    fields: Nothing::fields,
    answer: Empty::schema,
    prepare: |fields| fields.job(log_out),
};

pub(crate) static END_SESSION: Task = Task {
    about: "Ends one of one's logins.",
    access: Access::Authenticated,
    fields: EndSession::fields,
    answer: Empty::schema,
    prepare: |fields| fields.job(end_session),
};

pub(crate) static LOG_OUT_ALL: Task = Task {
    about: "Ends all of one's logins.",
    access: Access::Authenticated,
    fields: Nothing::fields,
    answer: Empty::schema,
    prepare: |fields| fields.job(log_out_all),
};

pub(crate) static TICKET: Task = Task {
    about: "A ticket that opens one socket, within half a minute.",
    access: Access::Authenticated,
    fields: Nothing::fields,
    answer: Ticket::schema,
    prepare: |fields| fields.job(ticket),
};

shape! {
    /// Somebody who signs up.
    Register {
        /// The unique name.
        username: String,
        /// The password.
        password: Secret,
        /// Where mail goes.
        email: Option<String>,
        /// The name for people.
        full_name: Option<String>,
        /// The language one reads (a BCP 47 tag).
        locale: Option<String>,
    }

    /// What one says of oneself.
    UpdateMe {
        /// The name for people.
        full_name: Patch<String>,
        /// Something about oneself.
        bio: Patch<String>,
        /// A URL or path of a picture.
        picture: Patch<String>,
        /// Where mail goes.
        email: Patch<String>,
        /// The language one reads (a BCP 47 tag).
        locale: Patch<String>,
    }

    /// A proof that one means it.
    DeleteMe {
        /// The password.
        password: Secret,
    }

    /// A new password.
    ChangePassword {
        /// The password until now.
        current_password: Secret,
        /// The password from now on.
        new_password: Secret,
    }

    /// Somebody who logs in.
    LogIn {
        /// The username; or `email`.
        username: Option<String>,
        /// The e-mail address, once it is one's own; or `username`.
        email: Option<String>,
        /// The password.
        password: Secret,
        /// What the device calls itself.
        device: Option<Device>,
    }

    /// A refresh token.
    Refresh {
        /// The token.
        refresh_token: Secret,
    }

    /// A login to be ended.
    EndSession {
        /// Which.
        session: SessionId,
    }
}

pub(super) type Answer = Result<Response, Failure>;

impl Fields<'_> {
    /// Reads a shape, to be handed to `run` once it is known who asks.
    pub(super) fn job<S, F>(self, run: fn(S, Arc<Desk>, Caller) -> F) -> Result<Job, Failure>
    where
        S: Shape + Send + 'static,
        F: Future<Output = Answer> + Send + 'static,
    {
        let shape: S = self.read(|shape, _| Ok(shape))?;
        Ok(Box::new(move |desk, caller| Box::pin(run(shape, desk, caller))))
    }
}

impl Desk {
    /// The service, without which none of these operations is there.
    pub(super) fn accounts(&self) -> &Accounts {
        self.options.accounts.as_ref().expect("these routes exist only beside the service")
    }

    /// Counts what somebody does where it is known where he is.
    pub(super) fn allow_from(&self, caller: &Caller, act: fn(IpAddr) -> Act) -> Result<(), Failure> {
        caller.address.map_or(Ok(()), |address| self.allow(act(address)))
    }
}

impl Caller {
    /// The login that asks.
    pub(super) fn login(&self) -> Result<accounts::Identity, Failure> {
        let identity = self.identity()?;
        match (identity.session, identity.expires_at) {
            (Some(session), Some(expires_at)) => {
                Ok(accounts::Identity { user: identity.user, session, expires_at })
            }
            // Let in by another authenticator, which knows no logins of ours.
            _ => Err(chat_core::Refusal::Unauthenticated.into()),
        }
    }
}

async fn register(new: Register, desk: Arc<Desk>, caller: Caller) -> Answer {
    desk.allow_from(&caller, Act::Registration)?;
    let mut registration = Registration::new(new.username, new.password);
    registration.email = new.email;
    registration.full_name = new.full_name;
    registration.locale = new.locale;
    let account = desk.accounts().register(registration).await.map_err(|error| told(&error))?;
    Ok(json(StatusCode::CREATED, bare(&account)))
}

async fn me(_: Nothing, desk: Arc<Desk>, caller: Caller) -> Answer {
    let account = desk.accounts().me(caller.login()?.user).await.map_err(|error| told(&error))?;
    Ok(json(StatusCode::OK, bare(&account)))
}

async fn update(change: UpdateMe, desk: Arc<Desk>, caller: Caller) -> Answer {
    let UpdateMe { full_name, bio, picture, email, locale } = change;
    if matches!(email, Patch::Set(_)) {
        desk.allow_from(&caller, Act::MailRequest)?;
    }
    let patch = ProfilePatch { full_name, bio, picture, email, locale };
    let account = desk.accounts().update(caller.login()?.user, patch).await.map_err(|error| told(&error))?;
    Ok(json(StatusCode::OK, bare(&account)))
}

async fn delete(proof: DeleteMe, desk: Arc<Desk>, caller: Caller) -> Answer {
    let user = caller.login()?.user;
    desk.accounts().delete(user, &proof.password).await.map_err(|error| told(&error))?;
    Ok(nothing())
}

async fn change_password(change: ChangePassword, desk: Arc<Desk>, caller: Caller) -> Answer {
    let login = caller.login()?;
    desk.accounts()
        .change_password(login.user, login.session, &change.current_password, &change.new_password)
        .await
        .map_err(|error| told(&error))?;
    Ok(nothing())
}

async fn log_in(who: LogIn, desk: Arc<Desk>, caller: Caller) -> Answer {
    let name = one_of(("/username", who.username), ("/email", who.email))?;
    desk.allow_from(&caller, Act::Login)?;
    let login = Login { name, password: who.password };
    let device = who.device.unwrap_or_default();
    let tokens = desk.accounts().log_in(login, device).await.map_err(|error| told(&error))?;
    Ok(json(StatusCode::CREATED, bare(&tokens)))
}

async fn refresh(with: Refresh, desk: Arc<Desk>, _: Caller) -> Answer {
    let tokens = desk.accounts().refresh(with.refresh_token.expose()).await.map_err(|error| told(&error))?;
    Ok(json(StatusCode::OK, bare(&tokens)))
}

async fn sessions(_: Nothing, desk: Arc<Desk>, caller: Caller) -> Answer {
    let login = caller.login()?;
    let logins = desk.accounts().sessions(login.user).await.map_err(|error| told(&error))?;
    let views = logins.iter().map(|each| SessionView { login: each, current: login.session });
    Ok(json(StatusCode::OK, bare(&Sessions(views.collect()))))
}

async fn log_out(_: Nothing, desk: Arc<Desk>, caller: Caller) -> Answer {
    desk.accounts().log_out(caller.login()?.session).await.map_err(|error| told(&error))?;
    Ok(nothing())
}

async fn end_session(which: EndSession, desk: Arc<Desk>, caller: Caller) -> Answer {
    let user = caller.login()?.user;
    desk.accounts().end_session(user, which.session).await.map_err(|error| told(&error))?;
    Ok(nothing())
}

async fn log_out_all(_: Nothing, desk: Arc<Desk>, caller: Caller) -> Answer {
    desk.accounts().end_all(caller.login()?.user).await.map_err(|error| told(&error))?;
    Ok(nothing())
}

async fn ticket(_: Nothing, desk: Arc<Desk>, caller: Caller) -> Answer {
    let ticket = desk.accounts().ticket(caller.login()?).map_err(|error| told(&error))?;
    Ok(json(StatusCode::CREATED, bare(&ticket)))
}
