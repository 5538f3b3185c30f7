//! Events as one line of text each, the way cases write them.

use codemode_core::{Event, EventKind, Json};

/// Writes an event as cases do:
///
/// ```text
/// started
/// console log two\nlines
/// call 1 external_echo {"a":1}
/// call 2 external_get_user (get-user)
/// progress 2 1/3 looking
/// result 1 {"a":1}
/// error 2 ToolError: no such user code "NOT_FOUND" data {"id":7}
/// cancelled 3
/// finished ok
/// finished error TypeError: x is not a function
/// ```
///
/// The tool's own name stands in parentheses where the function is not `external_` and that name. `undefined` as input
/// or result is nothing.
pub fn event_text(event: &Event) -> String {
    match &event.kind {
        EventKind::Started { .. } => "started".into(),
        EventKind::Console { level, message } => format!("console {} {}", level.as_str(), one_line(message)),
        EventKind::Call { call_id, function, tool, args } => {
            let natural = function.strip_prefix("external_") == Some(tool);
            let tool = if natural { String::new() } else { format!(" ({tool})") };
            format!("call {call_id} {function}{tool}{}", body(args.as_ref()))
        }
        EventKind::Progress { call_id, progress, .. } => {
            let total = progress.total.map(|total| format!("/{total}")).unwrap_or_default();
            let message = progress.message.as_deref().map(|text| format!(" {}", one_line(text))).unwrap_or_default();
            format!("progress {call_id} {}{total}{message}", progress.done)
        }
        EventKind::CallResult { call_id, result, .. } => format!("result {call_id}{}", body(result.as_ref())),
        EventKind::CallError { call_id, error, .. } => {
            if error.code.as_ref().is_some_and(|code| code == "CANCELLED") {
                return format!("cancelled {call_id}");
            }
            let code = error.code.as_ref().map(|code| format!(" code {code}")).unwrap_or_default();
            let data = error.data.as_ref().map(|data| format!(" data {data}")).unwrap_or_default();
            format!("error {call_id} {}: {}{code}{data}", one_line(&error.name), one_line(&error.message))
        }
        EventKind::Finished { success: true, .. } => "finished ok".into(),
        EventKind::Finished { error, .. } => {
            let error = error.as_ref().map(|failure| format!("{}: {}", failure.name, failure.message));
            format!("finished error {}", one_line(&error.unwrap_or_default()))
        }
        _ => format!("{:?}", event.kind),
    }
}

/// The call that an event ends.
pub(crate) fn ended_call(event: &Event) -> Option<u64> {
    match event.kind {
        EventKind::CallResult { call_id, .. } | EventKind::CallError { call_id, .. } => Some(call_id),
        _ => None,
    }
}

fn body(json: Option<&Json>) -> String {
    json.map(|json| format!(" {json}")).unwrap_or_default()
}

fn one_line(text: &str) -> String {
    text.replace('\n', "\\n")
}
