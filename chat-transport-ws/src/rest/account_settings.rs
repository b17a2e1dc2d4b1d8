//! Operations on what an account is set to.

use std::sync::Arc;

use axum::http::StatusCode;
use chat_core::accounts::NotificationsPatch;
use chat_core::store::{Notifications, Notify};

use super::Desk;
use super::accounts::{Access, Answer, Task};
use super::call::{Caller, json, told};
use crate::wire::fields::{Nothing, Shape as _, shape};
use crate::wire::frames::bare;
use crate::wire::show::Show as _;

pub(crate) static NOTIFICATIONS: Task = Task {
    about: "What one wants to be notified of, on all of one's devices.",
    access: Access::Authenticated,
    fields: Nothing::fields,
    answer: Notifications::schema,
    prepare: |fields| fields.job(notifications),
};

pub(crate) static UPDATE_NOTIFICATIONS: Task = Task {
    about: "Changes what one wants to be notified of: what is absent stays.",
    access: Access::Authenticated,
    fields: UpdateNotifications::fields,
    answer: Notifications::schema,
    prepare: |fields| fields.job(update_notifications),
};

shape! {
    /// What one wants to be notified of.
    UpdateNotifications {
        /// Of messages in direct conversations.
        direct: Option<Notify>,
        /// Of messages in groups.
        groups: Option<Notify>,
        /// Of messages in channels.
        channels: Option<Notify>,
        /// Of friend requests.
        friend_requests: Option<bool>,
        /// Whether a notification shows what was written.
        previews: Option<bool>,
        /// Whether it may be heard.
        sounds: Option<bool>,
    }
}

async fn notifications(_: Nothing, desk: Arc<Desk>, caller: Caller) -> Answer {
    let account = desk.accounts().me(caller.login()?.user).await.map_err(|error| told(&error))?;
    Ok(json(StatusCode::OK, bare(&account.particulars.notifications)))
}

async fn update_notifications(change: UpdateNotifications, desk: Arc<Desk>, caller: Caller) -> Answer {
    let UpdateNotifications { direct, groups, channels, friend_requests, previews, sounds } = change;
    let patch = NotificationsPatch { direct, groups, channels, friend_requests, previews, sounds };
    let user = caller.login()?.user;
    let account = desk.accounts().update_notifications(user, patch).await.map_err(|error| told(&error))?;
    Ok(json(StatusCode::OK, bare(&account.particulars.notifications)))
}
