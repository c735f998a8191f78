//! The contents of `.arrayfs/stats`, made when the file is opened or, where the kernel sends no
//! OPEN, when it looks up the name. The counting itself is done by `stats` and `request`.

use std::sync::{MutexGuard, PoisonError};
use std::time::SystemTime;

use fuser::FileAttr;
use serde_json::{Value, json};

use super::operations::ArrayFs;
use super::stats::Report;
use crate::vfile::VirtualFile;

/// The size of a page of the page cache, in bytes. The contents fit one.
const PAGE: usize = 4096;

impl ArrayFs {
    /// The path of a node, for log messages.
    pub(super) fn path(&self, inode: u64) -> String {
        let node = self.node(inode);
        node.map_or_else(|_| "?".into(), |node| self.tree.path(node))
    }

    /// Makes the contents of `.arrayfs/stats` anew, for the reads to come, also those of files
    /// that are open already. Blanks fill its pages, so that the size stays: a program that has
    /// read all finds nothing more at the end.
    pub(super) fn renew_report(&self) {
        let mut text = self.report().into_bytes();
        let mut last = self.last_report();
        let size = (text.len() + 1).next_multiple_of(PAGE).max(last.text.len());
        text.resize(size - 1, b' ');
        text.push(b'\n');
        *last = Report {
            text: text.into(),
            time: SystemTime::now(),
        };
    }

    /// `attr`, attributes of `.arrayfs/stats`, with the size and time of the last contents.
    pub(super) fn report_attributes(&self, attr: FileAttr) -> FileAttr {
        let report = self.last_report();
        FileAttr {
            size: report.text.len() as u64,
            mtime: report.time,
            ..attr
        }
    }

    /// The last contents of `.arrayfs/stats`.
    pub(super) fn reported(&self) -> VirtualFile {
        VirtualFile::literal(self.last_report().text.clone())
    }

    fn last_report(&self) -> MutexGuard<'_, Report> {
        let report = self.report.lock();
        report.unwrap_or_else(PoisonError::into_inner)
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
            "open_files": (!self.omits_opens()).then(|| self.handles.count()),
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
                "omits_opens": self.omits_opens(),
            },
            "passthrough": {
                "allowed": self.passthrough.is_enabled(),
                "open": self.passthrough.count(),
            },
        });
        format!("{report:#}\n")
    }
}
