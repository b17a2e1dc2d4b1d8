//! What a topic is called where it is a name: short, and the same on every node.

use chat_core::Tenant;
use chat_core::delivery::Topic;

/// The names of one tenant's topics, with a prefix and a separator as the broker likes them.
#[cfg(any(feature = "redis", feature = "nats"))]
#[derive(Clone, Debug)]
pub(crate) struct Names {
    prefix: String,
    separator: char,
}

#[cfg(any(feature = "redis", feature = "nats"))]
impl Names {
    /// `chat`, the tenant and the topic, joined by `separator`.
    pub(crate) fn new(tenant: Tenant, separator: char) -> Self {
        Self { prefix: format!("chat{separator}{}{separator}", tenant.0), separator }
    }

    /// The name of a topic.
    pub(crate) fn of(&self, topic: Topic) -> String {
        let Self { prefix, separator } = self;
        let named = |kind: &str, id: &[u8; 16]| {
            let id = uuid::Uuid::from_bytes(*id);
            format!("{prefix}{kind}{separator}{}", id.simple())
        };
        match topic {
            Topic::Conversation(id) => named("c", id.as_bytes()),
            Topic::User(id) => named("u", id.as_bytes()),
            Topic::Presence(id) => named("p", id.as_bytes()),
            Topic::Nodes => format!("{prefix}n"),
        }
    }
}

/// The one channel of a tenant, where there are no topics.
#[cfg(feature = "postgres")]
pub(crate) fn channel(tenant: Tenant) -> String {
    format!("chat_{}", tenant.0)
}

#[cfg(all(test, any(feature = "redis", feature = "nats")))]
mod tests {
    use chat_core::{ConversationId, UserId};

    use super::*;

    #[test]
    fn names_differ_by_kind_id_and_tenant() {
        let names = Names::new(Tenant(7), '.');
        let id = [0xab; 16];
        let all = [
            names.of(Topic::Conversation(ConversationId::from_bytes(id))),
            names.of(Topic::User(UserId::from_bytes(id))),
            names.of(Topic::Presence(UserId::from_bytes(id))),
            names.of(Topic::Nodes),
            Names::new(Tenant(8), '.').of(Topic::Nodes),
        ];
        assert_eq!(all[0], "chat.7.c.abababababababababababababababab");
        assert_eq!(all[3], "chat.7.n");
        let distinct: std::collections::HashSet<_> = all.iter().collect();
        assert_eq!(distinct.len(), all.len());
    }
}
