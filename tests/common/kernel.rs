//! Capabilities of the kernel, taken from what a mount has negotiated. Tests that need a missing
//! capability are skipped, whatever the kernel's version.

use std::fs;
use std::sync::OnceLock;

use super::{Dir, Turn, has_fuse, skip};

/// A capability that some kernels lack.
#[derive(Debug, Clone, Copy)]
pub enum Ability {
    /// Shared mappings of files that are open for direct I/O.
    DirectMappings,
    /// The same, and the kernel waits for the write-back of a page before it drops the page.
    /// Linux does so since 6.16. It negotiates nothing about it, so the version decides.
    StableWriteBack,
    /// FUSE passthrough: the kernel reads and writes the backing file itself.
    Passthrough,
}

/// Whether the kernel has an ability that a test needs; says why it is skipped if not.
pub fn needs(ability: Ability) -> bool {
    let can = kernel_can(ability);
    if !can {
        skip(&format!("the kernel lacks {ability:?}"));
    }
    can
}

/// Whether the kernel has a capability. True if mounted tests are skipped: they report that
/// themselves.
pub fn kernel_can(ability: Ability) -> bool {
    static OFFER: OnceLock<Option<serde_json::Value>> = OnceLock::new();
    // Before the cell, which makes whoever has the turn wait for this.
    let turn = OFFER.get().is_none().then(Turn::unless_taken);
    let offer = OFFER.get_or_init(|| {
        if !has_fuse() {
            return None;
        }
        let dir = Dir::of_turn(None);
        let (mount, outcome) = super::Mount::start(&dir, &dir.file("data.bin", [0]), &[]);
        outcome.succeeds();
        let stats = fs::read(mount.join(".arrayfs/stats")).unwrap();
        let mut stats: serde_json::Value = serde_json::from_slice(&stats).unwrap();
        Some(stats["kernel"].take())
    });
    drop(turn);
    let Some(offer) = offer else { return true };
    let member = match ability {
        Ability::DirectMappings => "direct_mappings",
        Ability::StableWriteBack if kernel_version() < (6, 16) => return false,
        Ability::StableWriteBack => "direct_mappings",
        Ability::Passthrough => "passthrough",
    };
    offer[member].as_bool().unwrap()
}

/// The first two numbers of the kernel's version.
fn kernel_version() -> (u32, u32) {
    let release = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap();
    let mut numbers = release
        .split(['.', '-'])
        .map_while(|part| part.parse().ok());
    (numbers.next().unwrap(), numbers.next().unwrap())
}
