//! The contents of `.arrayfs/stats`, made when the file is opened. The counting itself is done
//! by `stats` and `request`.

use serde_json::{Value, json};

use super::operations::ArrayFs;

impl ArrayFs {
    /// The path of a node, for log messages.
    pub(super) fn path(&self, inode: u64) -> String {
        let node = self.node(inode);
        node.map_or_else(|_| "?".into(), |node| self.tree.path(node))
    }

    /// The contents of `.arrayfs/stats`: a JSON object.
    pub(super) fn report(&self) -> String {
        let column_cache = self.tree.mapping().column_cache_usage();
        let column_cache = column_cache.map_or(Value::Null, |usage| {
            json!({
                "limit": usage.limit,
                "bytes": usage.bytes,
                "hits": usage.hits,
                "gathers": usage.gathers,
            })
        });
        let features = self.features.get();
        let (scratch_files, scratch_bytes) = self.scratch.usage();
        let report = json!({
            "version": env!("CARGO_PKG_VERSION"),
            "uptime_seconds": self.stats.uptime().as_secs_f64(),
            "open_files": self.handles.count(),
            "requests": self.stats.requests(),
            "cache": {
                "mode": self.page_cache.mode().name(),
                "files_kept": self.page_cache.count(),
                "pages_dropped": self.coherence.invalidations(),
                "column_cache": column_cache,
            },
            "scratch": {
                "limit": self.scratch.limit(),
                "files": scratch_files,
                "bytes": scratch_bytes,
            },
            "kernel": {
                "direct_mappings": features.is_some_and(|features| features.direct_mappings),
                "passthrough": features.is_some_and(|features| features.passthrough),
            },
            "passthrough": {
                "allowed": self.passthrough.is_enabled(),
                "open": self.passthrough.count(),
            },
        });
        format!("{report:#}\n")
    }
}
