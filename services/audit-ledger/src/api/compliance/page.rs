//! The report as one printable page: no script, no font, no picture from elsewhere.

use std::fmt::{self, Write as _};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use sha2::{Digest as _, Sha256};

use super::report::{ControlReport, EvidenceOf, PolicyEvidence, Report, Sample, SignedReportDto};

const STYLE: &str = include_str!("page.css");

/// Text from outside, safe between tags and in attributes.
struct Safe<'a>(&'a str);

impl fmt::Display for Safe<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for c in self.0.chars() {
            match c {
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '&' => f.write_str("&amp;")?,
                '"' => f.write_str("&quot;")?,
                '\'' => f.write_str("&#39;")?,
                other => f.write_char(other)?,
            }
        }
        Ok(())
    }
}

/// The content security policy under which the page has its style and nothing else.
pub(super) fn policy() -> String {
    let style = BASE64.encode(Sha256::digest(STYLE));
    format!(
        "default-src 'none'; style-src 'sha256-{style}'; base-uri 'none'; form-action 'none'; \
         frame-ancestors 'none'"
    )
}

/// The whole page.
pub(super) fn page(signed: &SignedReportDto) -> String {
    let mut html = String::with_capacity(64 * 1024);
    // Writing to a String cannot fail.
    if write(&mut html, signed).is_err() {
        html.clear();
    }
    html
}

fn write(html: &mut String, signed: &SignedReportDto) -> fmt::Result {
    let report = &signed.statement;
    let name = Safe(&report.framework.name);
    write!(
        html,
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <title>{name}, {} to {}</title><style>{STYLE}</style></head><body><main>\n",
        report.window.from, report.window.to
    )?;
    head(html, report)?;
    overview(html, report)?;
    let mut group = "";
    for (index, control) in report.controls.iter().enumerate() {
        if control.group != group {
            group = &control.group;
            writeln!(html, "<h2>{}</h2>", Safe(group))?;
        }
        section(html, index, control)?;
    }
    foot(html, signed)?;
    html.write_str("</main></body></html>\n")
}

fn head(html: &mut String, report: &Report) -> fmt::Result {
    let framework = &report.framework;
    writeln!(
        html,
        "<header><p class=\"kind\">Evidence from the audit ledger</p><h1>{}</h1>\
         <p class=\"edition\">{}</p>\
         <dl class=\"facts\">\
         <div><dt>Organisation</dt><dd class=\"id\">{}</dd></div>\
         <div><dt>Window (UTC days, both included)</dt><dd>{} to {}</dd></div>\
         <div><dt>Judged until</dt><dd>{}</dd></div>\
         <div><dt>Recorded since</dt><dd>{}</dd></div>\
         <div><dt>Recorded of the window</dt><dd>{}</dd></div>\
         <div><dt>Made at</dt><dd>{}</dd></div>\
         <div><dt>Ledger when made</dt><dd>{} entries</dd></div></dl>",
        Safe(&framework.name),
        Safe(&framework.edition),
        report.org,
        report.window.from,
        report.window.to,
        report.window.until,
        report.recording.began,
        report.recording.part(),
        report.generated_at,
        report.ledger.size,
    )?;
    for gap in &report.gaps {
        writeln!(html, "<p class=\"gap\">{}</p>", Safe(gap))?;
    }
    writeln!(
        html,
        "<p class=\"note\">{}</p><p class=\"scope\"><b>In this report:</b> {}</p></header>",
        Safe(report.note),
        Safe(&framework.scope),
    )
}

fn overview(html: &mut String, report: &Report) -> fmt::Result {
    let summary = report.summary;
    write!(
        html,
        "<section class=\"overview\"><ul class=\"sums\">\
         <li class=\"operated\"><b>{}</b> operated</li><li class=\"partly\"><b>{}</b> partly</li>\
         <li class=\"none\"><b>{}</b> no evidence</li></ul>\
         <p class=\"rules\"><b>Operated</b>: everything the control needs was found, and nothing that \
         speaks against it; of the policy types a control names, one policy of one type is enough. \
         <b>Partly</b>: some of it was found, or something speaks against it, or it asks for what no \
         entry can show, or nothing was recorded for a part of the window. \
         <b>No evidence</b>: nothing the control needs was found in the ledger.</p>\
         <table class=\"index\"><thead><tr><th>Control</th><th>Title</th><th>Assessment</th></tr>\
         </thead><tbody>",
        summary.operated, summary.partly, summary.no_evidence
    )?;
    for (index, control) in report.controls.iter().enumerate() {
        write!(
            html,
            "<tr><td class=\"nowrap\"><a href=\"#c{index}\">{}</a></td><td>{}</td><td>{}</td></tr>",
            Safe(&control.id),
            Safe(&control.title),
            Badge(control.assessment)
        )?;
    }
    html.write_str("</tbody></table></section>\n")
}

/// An assessment, coloured and in words.
struct Badge(&'static str);

impl fmt::Display for Badge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let class = self.0.rsplit(' ').next().unwrap_or_default();
        write!(f, "<span class=\"badge {class}\">{}</span>", self.0)
    }
}

fn section(html: &mut String, index: usize, control: &ControlReport) -> fmt::Result {
    write!(
        html,
        "<section class=\"control\" id=\"c{index}\"><h3><span class=\"nowrap\">{}</span> {} {}</h3>\
         <p>{}</p>",
        Safe(&control.id),
        Safe(&control.title),
        Badge(control.assessment),
        Safe(&control.rule)
    )?;
    policies(html, &control.policies)?;
    evidence(html, &control.evidence)?;
    samples(html, &control.samples)?;
    list(html, "Gaps", &control.gaps)?;
    list(html, "Recommendations", &control.recommendations)?;
    html.write_str("</section>\n")
}

fn policies(html: &mut String, policies: &[PolicyEvidence]) -> fmt::Result {
    let (there, absent): (Vec<_>, Vec<_>) = policies
        .iter()
        .partition(|it| it.in_force + it.watching + it.changes + it.hits > 0);
    if !there.is_empty() {
        html.write_str(
            "<table><thead><tr><th>Policies of type</th><th class=\"n\">stop or hold</th>\
             <th class=\"n\">at the end</th><th class=\"n\">only watch</th>\
             <th class=\"n\">changes</th><th class=\"n\">decisions hit</th>\
             <th class=\"n\">entries</th></tr></thead><tbody>",
        )?;
        for one in there {
            write!(
                html,
                "<tr><td>{}</td><td class=\"n\">{}</td><td class=\"n\">{}</td>\
                 <td class=\"n\">{}</td><td class=\"n\">{}</td><td class=\"n\">{}</td>\
                 <td class=\"n\">{}</td></tr>",
                Safe(&one.policy_type),
                one.in_force,
                one.at_end,
                one.watching,
                one.changes,
                one.hits,
                Places(one.first_seq, one.last_seq)
            )?;
        }
        html.write_str("</tbody></table>")?;
    }
    if absent.is_empty() {
        return Ok(());
    }
    let absent: Vec<&str> = absent.iter().map(|it| it.policy_type.as_str()).collect();
    let absent = absent.join(", ");
    write!(
        html,
        "<p class=\"absent\">Of these types there was no policy: {}</p>",
        Safe(&absent)
    )
}

fn evidence(html: &mut String, evidence: &[EvidenceOf]) -> fmt::Result {
    if evidence.is_empty() {
        return Ok(());
    }
    html.write_str(
        "<table><thead><tr><th>Evidence</th><th>it is</th><th class=\"n\">found</th>\
         <th class=\"n\">entries</th></tr></thead><tbody>",
    )?;
    for one in evidence {
        let class = if one.role == "against" && one.count > 0 {
            " class=\"bad\""
        } else {
            ""
        };
        write!(
            html,
            "<tr{class}><td>{}</td><td>{}</td><td class=\"n\">{}</td><td class=\"n\">",
            Safe(one.what),
            one.role,
            one.count
        )?;
        match (one.first_size, one.last_size) {
            (Some(first), Some(last)) => write!(html, "of {first} … {last} entries")?,
            _ => write!(html, "{}", Places(one.first_seq, one.last_seq))?,
        }
        html.write_str("</td></tr>")?;
    }
    html.write_str("</tbody></table>")
}

/// The first and the last entry.
struct Places(Option<i64>, Option<i64>);

impl fmt::Display for Places {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.0, self.1) {
            (Some(first), Some(last)) if first == last => write!(f, "{first}"),
            (Some(first), Some(last)) => write!(f, "{first} … {last}"),
            _ => Ok(()),
        }
    }
}

fn samples(html: &mut String, samples: &[Sample]) -> fmt::Result {
    if samples.is_empty() {
        return Ok(());
    }
    html.write_str(
        "<table class=\"samples\"><thead><tr><th class=\"n\">Entry</th><th>when</th><th>what</th>\
         <th>who</th><th>of what</th><th>outcome</th><th>hash</th></tr></thead><tbody>",
    )?;
    for one in samples {
        let text = |field: &Option<String>| Safe(field.as_deref().unwrap_or_default()).to_string();
        write!(
            html,
            "<tr><td class=\"n\">{}</td><td class=\"nowrap\">{}</td><td>{}</td><td class=\"id\">{}</td>\
             <td class=\"id\">{}</td><td>{}</td><td class=\"id\">{}…</td></tr>",
            one.seq,
            one.occurred_at,
            text(&one.action),
            text(&one.actor),
            text(&one.target),
            text(&one.outcome),
            one.hash.get(..12).unwrap_or(&one.hash),
        )?;
    }
    html.write_str("</tbody></table>")
}

fn list(html: &mut String, title: &str, items: &[String]) -> fmt::Result {
    if items.is_empty() {
        return Ok(());
    }
    write!(html, "<h4>{title}</h4><ul>")?;
    for item in items {
        write!(html, "<li>{}</li>", Safe(item))?;
    }
    html.write_str("</ul>")
}

fn foot(html: &mut String, signed: &SignedReportDto) -> fmt::Result {
    write!(
        html,
        "<footer><h2>How to check this</h2>\
         <p>Entries are cited by their number in the ledger. The ledger is append-only, chained by \
         hashes and signed; its export contains each cited entry, and anyone can check it offline \
         with <code>writ audit verify --file EXPORT --keys KEYS.json</code>. The receipt of a single \
         entry is at <code>/api/v1/audit/entries/NUMBER/receipt</code>. Take the keys from the \
         operator, not from this page.</p>\
         <dl class=\"facts\"><div><dt>Signed by (JSON form of this report)</dt>\
         <dd class=\"id\">{}+{}</dd></div><div><dt>Signature</dt><dd class=\"id\">{}</dd></div></dl>\
         <h4>Checkpoint of the ledger</h4><pre>{}</pre></footer>",
        Safe(&signed.key_name),
        signed.key_id,
        signed.signature,
        Safe(&signed.statement.ledger.checkpoint)
    )
}

#[cfg(test)]
mod tests;
