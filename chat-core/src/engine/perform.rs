//! The one dispatch from commands to use cases, shared by every door.

use std::future::Future;

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, Either, ready};

use super::ActingAs;
use crate::command::{Command, Reply};
use crate::error::{ChatError, Refusal};

type Answer = Result<Reply, ChatError>;

impl ActingAs {
    /// Does what a command says. Messages take their place in line by this call, not by the first poll.
    ///
    /// Commands that are about a connected session ([`Command::Sync`], [`Command::Subscribe`],
    /// [`Command::Unsubscribe`], [`Command::Watch`], [`Command::Unwatch`]) are refused here; a
    /// [`Session`](crate::Session) takes them.
    pub fn perform(&self, command: Command) -> impl Future<Output = Answer> + Send + 'static + use<> {
        match command {
            Command::Send { to, draft } => {
                Either::Left(self.send(to, draft).map(|sent| Ok(Reply::Sent(sent?))))
            }
            Command::Ping => {
                let server_time = self.core.clock.now();
                Either::Right(ready(Ok(Reply::Pong { server_time })).boxed())
            }
            other => Either::Right(self.clone().dispatch(other)),
        }
    }

    fn dispatch(self, command: Command) -> BoxFuture<'static, Answer> {
        match command {
            Command::Friend { .. }
            | Command::Withdraw { .. }
            | Command::Friends { .. }
            | Command::User { .. }
            | Command::Users { .. }
            | Command::Search { .. } => self.about_people(command).boxed(),
            Command::Edit { .. }
            | Command::Delete { .. }
            | Command::History { .. }
            | Command::Entries { .. }
            | Command::Receipt { .. }
            | Command::Typing { .. } => self.about_messages(command).boxed(),
            Command::Create(_)
            | Command::Conversation { .. }
            | Command::Conversations { .. }
            | Command::Direct { .. }
            | Command::Members { .. }
            | Command::Update { .. }
            | Command::Join { .. }
            | Command::Leave { .. }
            | Command::Close { .. }
            | Command::Add { .. }
            | Command::Remove { .. }
            | Command::SetRole { .. } => self.about_conversations(command).boxed(),
            Command::Ping
            | Command::Send { .. }
            | Command::Sync(_)
            | Command::Subscribe { .. }
            | Command::Unsubscribe { .. }
            | Command::Watch { .. }
            | Command::Unwatch { .. } => ready(Err(needs_a_session())).boxed(),
        }
    }

    async fn about_people(self, command: Command) -> Answer {
        Ok(match command {
            Command::Friend { who, action } => {
                let user = self.named(&who).await?;
                Reply::Friendship(self.befriend(user, action).await?.value)
            }
            Command::Withdraw { who } => {
                let user = self.named(&who).await?;
                Reply::Friendship(self.withdraw(user).await?.value)
            }
            Command::Friends { filter, after, limit } => {
                Reply::Friends(self.friends(filter, after, limit).await?)
            }
            Command::User { who } => Reply::User(self.user_profile(&who).await?),
            Command::Users { ids } => Reply::Users(self.profiles(&ids).await?),
            Command::Search { query, after, limit } => Reply::Found(self.search(&query, after, limit).await?),
            _ => return Err(needs_a_session()),
        })
    }

    async fn about_messages(self, command: Command) -> Answer {
        Ok(match command {
            Command::Edit { conversation, seq, edit, client_id } => {
                Reply::Message(self.edit(conversation, seq, edit, client_id).await?)
            }
            Command::Delete { conversation, seq, client_id } => {
                Reply::Message(self.delete(conversation, seq, client_id).await?)
            }
            Command::History { conversation, window, limit } => {
                Reply::History(self.history(conversation, window, limit).await?)
            }
            Command::Entries { conversation, after, limit } => {
                Reply::Entries(self.entries(conversation, after, limit).await?)
            }
            Command::Receipt { conversation, read, delivered } => {
                Reply::Receipt(self.report(conversation, read, delivered).await?)
            }
            Command::Typing { conversation, typing } => {
                self.typing(conversation, typing).await?;
                Reply::Done
            }
            _ => return Err(needs_a_session()),
        })
    }

    async fn about_conversations(self, command: Command) -> Answer {
        Ok(match command {
            Command::Create(new) => Reply::Conversation(self.create(new).await?),
            Command::Conversation { conversation } => {
                Reply::Conversation(self.done(conversation, crate::command::Changed::No).await?)
            }
            Command::Conversations { after, limit } => {
                Reply::Conversations(self.conversations(after, limit).await?)
            }
            Command::Direct { user } => Reply::Conversation(self.direct(user).await?),
            Command::Members { conversation, after, limit } => {
                Reply::Members(self.members(conversation, after, limit).await?)
            }
            Command::Update { conversation, update, client_id } => {
                Reply::Conversation(self.update(conversation, update, client_id).await?)
            }
            Command::Join { conversation, client_id } => {
                Reply::Conversation(self.join(conversation, client_id).await?)
            }
            Command::Leave { conversation, client_id } => {
                Reply::Conversation(self.leave(conversation, client_id).await?)
            }
            Command::Close { conversation, client_id } => {
                Reply::Conversation(self.close(conversation, client_id).await?)
            }
            Command::Add { conversation, users, client_id } => {
                Reply::Conversation(self.add(conversation, users, client_id).await?)
            }
            Command::Remove { conversation, user, client_id } => {
                Reply::Conversation(self.remove(conversation, user, client_id).await?)
            }
            Command::SetRole { conversation, user, role, client_id } => {
                Reply::Conversation(self.set_role(conversation, user, role, client_id).await?)
            }
            _ => return Err(needs_a_session()),
        })
    }
}

const fn needs_a_session() -> ChatError {
    ChatError::Refused(Refusal::invalid("/type", "only for a connected session"))
}
