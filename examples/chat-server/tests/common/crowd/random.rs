//! Choices that can be made again: a seeded generator (`SplitMix64`).

/// A stream of choices.
#[derive(Debug)]
pub(crate) struct Random {
    seed: u64,
    state: u64,
}

impl Random {
    /// From `CHAT_SEED`, else from the system.
    pub(crate) fn from_environment() -> Self {
        let given = std::env::var("CHAT_SEED").ok().map(|seed| seed.parse().expect("CHAT_SEED is a number"));
        let seed = given.unwrap_or_else(|| getrandom::u64().unwrap());
        Self { seed, state: seed }
    }

    /// What it began with.
    pub(crate) fn seed(&self) -> u64 {
        self.seed
    }

    /// Another stream, which this one determines.
    pub(crate) fn fork(&mut self) -> Self {
        let seed = self.next();
        Self { seed, state: seed }
    }

    /// One of `0..end`.
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    /// One of these.
    pub(crate) fn pick<'a, T>(&mut self, items: &'a [T]) -> &'a T {
        let index = self.below(items.len() as u64);
        &items[usize::try_from(index).unwrap()]
    }

    fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}
