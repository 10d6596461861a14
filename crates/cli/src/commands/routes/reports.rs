//! What the commands print of a table.

use std::collections::BTreeMap;

use postern_app::{
    gateway::{explain::Ask, review::Remark},
    service::explain::{Answer, Explainer, Explanation},
};
use serde_json::{Value, json};

use super::Table;
use crate::report::{Report, counted, plain};

pub(super) fn checked(table: Table, notes: &[String], strict: bool) -> Report {
    let (count, mistakes, remarks) = match table {
        Table::Mistaken(mistakes) => (None, mistakes, Vec::new()),
        Table::Sound(explainer) => {
            (Some(explainer.gate().routes().len()), Vec::new(), named_remarks(&explainer))
        }
    };
    let mut lines: Vec<String> = mistakes.iter().map(|mistake| format!("wrong    {mistake}")).collect();
    lines.extend(remarks.iter().map(|(name, remark)| {
        format!("warning  POSTERN_ROUTES[{}] `{name}`: {} [{}]", remark.index, remark.text, remark.code)
    }));
    lines.extend(notes.iter().map(|note| format!("note     {note}")));
    lines.push(match (count, remarks.len()) {
        (None, _) => format!("{}: Postern would not start", counted(mistakes.len(), "mistake")),
        (Some(count), 0) => format!("sound: {}", counted(count, "route")),
        (Some(count), warnings) => {
            format!("sound: {}, {}", counted(count, "route"), counted(warnings, "warning"))
        }
    });
    let value = json!({
        "sound": mistakes.is_empty(),
        "routes": count,
        "mistakes": mistakes.iter()
            .map(|mistake| json!({ "path": mistake.path, "problem": mistake.problem }))
            .collect::<Vec<_>>(),
        "warnings": remarks.iter()
            .map(|(name, remark)| json!({
                "path": format!("POSTERN_ROUTES[{}]", remark.index),
                "route": name, "code": remark.code, "problem": remark.text,
            }))
            .collect::<Vec<_>>(),
        "notes": notes,
    });
    let wrong = !mistakes.is_empty() || (strict && !remarks.is_empty());
    let report = Report::lines(value, lines);
    if wrong { report.found_wrong() } else { report }
}

fn named_remarks(explainer: &Explainer) -> Vec<(String, Remark)> {
    let name = |remark: &Remark| {
        explainer.gate().routes().get(remark.index).map(|route| route.name.clone()).unwrap_or_default()
    };
    explainer.review().into_iter().map(|remark| (name(&remark), remark)).collect()
}

pub(crate) fn told(explainer: &Explainer, explanation: &Explanation, notes: &[String]) -> Report {
    let Explanation { path, passed_over, route, answer, supposed } = explanation;
    let mut lines = Vec::new();
    lines.push(match path {
        Some(path) => format!("path     {path}"),
        None => "path     none: the path is ambiguous".to_owned(),
    });
    for over in passed_over {
        lines.push(format!("not      {} `{}`: {}", over.index, over.name, over.why));
    }
    let mut policy = Value::Null;
    if let Some(deciding) = route {
        lines.push(format!("matches  {} `{}`", deciding.index, deciding.name));
        for (name, value) in &deciding.params {
            lines.push(format!("         {{{name}}} is {}", plain(&Value::from(value.as_str()))));
        }
        if let Some(route) = explainer.gate().routes().get(deciding.index) {
            let access = access(route);
            lines.push(format!("access   {}", access.0));
            lines.push(format!("         revocation: {}", access.1));
            let resource = route.resource();
            policy = json!({
                "access": access.0,
                "revocation": access.1,
                "resource": resource.map(|resource| json!({
                    "id": resource.id.as_str(),
                    "metadata_url": resource.id.metadata_url(),
                    "authorization_servers": resource.authorization_servers,
                    "scopes_supported": resource.scopes,
                })),
            });
            if let Some(resource) = resource {
                let servers = resource.authorization_servers.join(", ");
                lines.push(format!("resource {}", resource.id));
                lines.push(format!("         metadata: {}", resource.id.metadata_url()));
                lines.push(format!("         authorization servers: {servers}"));
            }
        }
        for Ask { what, met, .. } in &deciding.asks {
            let mark = match met {
                None => "        ",
                Some(true) => "met     ",
                Some(false) => "NOT MET ",
            };
            lines.push(format!("{mark} {}", plain(&Value::from(what.as_str()))));
        }
    }
    let answered = match answer {
        Answer::Own => {
            lines.push("answer   from Postern itself: no route serves this path".to_owned());
            json!({ "by": "postern" })
        }
        Answer::Preflight { reply, permitted } => {
            let what = if *permitted {
                "pages of the origin may send the request"
            } else {
                "the origin is not allowed"
            };
            lines.push(format!("answer   {} to the preflight: {what}", reply.status));
            json!({ "by": "gate", "status": reply.status, "preflight": true, "permitted": permitted })
        }
        Answer::Forwarded { url } => {
            lines.push(format!("answer   from the upstream, at {}", plain(&Value::from(url.as_str()))));
            json!({ "by": "upstream", "url": url })
        }
        Answer::Refused { reply, why } => {
            let problem: Value = serde_json::from_slice(&reply.body).unwrap_or_default();
            let code = problem.get("code").cloned().unwrap_or_default();
            let challenge = reply.header("www-authenticate");
            lines.push(format!("answer   {} {}", reply.status, plain(&code)));
            lines.push(format!("because  {}", plain(&Value::from(why.as_str()))));
            json!({
                "by": "gate", "status": reply.status, "code": code, "why": why, "www_authenticate": challenge,
            })
        }
    };
    lines.extend(supposed.iter().map(|what| format!("supposed {what}")));
    lines.extend(notes.iter().map(|note| format!("note     {note}")));
    let value = json!({
        "path": path.as_ref().map(ToString::to_string),
        "passed_over": passed_over.iter()
            .map(|over| json!({ "index": over.index, "route": over.name, "why": over.why }))
            .collect::<Vec<_>>(),
        "route": route.as_ref().map(|deciding| json!({
            "index": deciding.index,
            "name": deciding.name,
            "params": deciding.params.iter().cloned().collect::<BTreeMap<_, _>>(),
            "policy": policy,
            "asks": deciding.asks.iter()
                .map(|ask| json!({ "member": ask.member, "what": ask.what, "met": ask.met }))
                .collect::<Vec<_>>(),
        })),
        "answer": answered,
        "supposed": supposed,
        "notes": notes,
    });
    Report::lines(value, lines)
}

/// The route's access and its level of revocation, as the table names them.
fn access(route: &postern_app::gateway::Route) -> (&'static str, &'static str) {
    use postern_app::gateway::{Access, RevocationLevel};
    let access = match route.access {
        Access::Public => "public",
        Access::Optional => "optional",
        Access::Required(_) => "required",
    };
    let revocation = match route.revocation {
        RevocationLevel::None => "none",
        RevocationLevel::Feed => "feed",
        RevocationLevel::Strong => "strong",
    };
    (access, revocation)
}
