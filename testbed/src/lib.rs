//! What tests need of the world: private databases, and lines that can be cut.
