//! The pure rules: whole tables where there is a table, laws on random sequences where there is none.

#[path = "rules/friendship.rs"]
mod friendship;
#[path = "rules/ids.rs"]
mod ids;
#[path = "rules/permits.rs"]
mod permits;
#[path = "rules/ring.rs"]
mod ring;
#[path = "rules/values.rs"]
mod values;
