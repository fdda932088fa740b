//! Tool calls that come in fragments.

use std::collections::BTreeMap;

use super::Delta;
use crate::answer::ToolCall;

/// Fragments by the position of their call in the answer.
#[derive(Debug, Default)]
pub(super) struct ToolCalls(BTreeMap<u64, ToolCall>);

impl ToolCalls {
    /// A call begins, or says its name or id again.
    pub(super) fn begin(&mut self, position: u64, id: Option<&str>, name: Option<&str>) {
        let call = self.0.entry(position).or_insert_with(|| ToolCall {
            id: String::new(),
            name: String::new(),
            arguments: String::new(),
        });
        if let Some(id) = id {
            id.clone_into(&mut call.id);
        }
        if let Some(name) = name {
            name.clone_into(&mut call.name);
        }
    }

    /// More of its arguments.
    pub(super) fn extend(&mut self, position: u64, arguments: &str) {
        if let Some(call) = self.0.get_mut(&position) {
            call.arguments.push_str(arguments);
        }
    }

    /// Nothing more comes for this call.
    pub(super) fn complete(&mut self, position: u64, found: &mut Vec<Delta>) {
        found.extend(self.0.remove(&position).map(whole));
    }

    /// Nothing more comes for any.
    pub(super) fn complete_all(&mut self, found: &mut Vec<Delta>) {
        found.extend(std::mem::take(&mut self.0).into_values().map(whole));
    }
}

fn whole(mut call: ToolCall) -> Delta {
    if call.arguments.is_empty() {
        // A tool without parameters is called without a fragment.
        call.arguments.push_str("{}");
    }
    Delta::ToolCall(call)
}
