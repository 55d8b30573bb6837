//! Which service answers which path: what an Ingress does in a cluster.

use writ_contract::Service;
use writ_service_kit::Built;
use writ_service_kit::routes::PREFIXES;

/// Below `/api/v1` and `/api`; the longest match wins.
const REST: &[(&str, Service)] = &[
    ("", Service::Control),
    ("/policies/enforce", Service::Enforcement),
    ("/policies/simulate", Service::Ingest),
    ("/agents/authorize", Service::Enforcement),
    ("/traces", Service::Ingest),
    ("/decisions", Service::Ingest),
    ("/sdk/bypass-windows", Service::Ingest),
    ("/audit", Service::AuditLedger),
    ("/audit-logs", Service::AuditLedger),
    ("/compliance", Service::AuditLedger),
    ("/anomalies", Service::Anomaly),
    ("/incidents", Service::Anomaly),
    ("/approvals", Service::Approval),
    ("/webhooks", Service::Notifier),
];

/// Whole paths outside of the API.
const BARE: &[(&str, Service)] = &[
    ("/v1/traces", Service::Ingest),
    ("/tile", Service::AuditLedger),
    ("/checkpoint", Service::AuditLedger),
    ("/.well-known/writ-keys.json", Service::AuditLedger),
    ("/writ.v1.EnforcementService", Service::Enforcement),
    ("/writ.v1.TraceService", Service::Ingest),
    ("/writ.v1.LedgerService", Service::AuditLedger),
    ("/writ.v1.ApprovalService", Service::Approval),
    ("/writ.v1.ControlService", Service::Control),
    (
        "/opentelemetry.proto.collector.trace.v1.TraceService",
        Service::Ingest,
    ),
    // Asked about the service that decides, as a load balancer in front of it would.
    ("/grpc.health.v1.Health", Service::Enforcement),
    ("/grpc.reflection.v1.ServerReflection", Service::Enforcement),
    (
        "/grpc.reflection.v1alpha.ServerReflection",
        Service::Enforcement,
    ),
];

/// The service that answers `path`; `control` has what is left: the dashboard, Socket.IO, docs.
#[must_use]
pub fn service_for(path: &str) -> Service {
    if let Some(service) = longest(BARE, path) {
        return service;
    }
    let versioned = PREFIXES.iter().find_map(|prefix| below(path, prefix));
    versioned
        .and_then(|rest| longest(REST, rest))
        .unwrap_or(Service::Control)
}

/// The endpoints that this table would send to another service than the one that has them.
#[must_use]
pub fn misrouted(built: &Built) -> Vec<String> {
    let paths = built.endpoints.iter().map(|endpoint| {
        let prefix = if endpoint.unprefixed { "" } else { PREFIXES[0] };
        format!("{prefix}{}", endpoint.path)
    });
    let grpc = built.grpc_names.iter().map(|name| format!("/{name}/Call"));
    paths
        .chain(grpc)
        .filter(|path| service_for(path).name() != built.name)
        .collect()
}

fn longest(table: &[(&str, Service)], path: &str) -> Option<Service> {
    let matching = table
        .iter()
        .filter(|(prefix, _)| below(path, prefix).is_some());
    matching
        .max_by_key(|(prefix, _)| prefix.len())
        .map(|(_, service)| *service)
}

/// What of `path` follows `prefix`, when it ends there or at a slash.
fn below<'a>(path: &'a str, prefix: &str) -> Option<&'a str> {
    path.strip_prefix(prefix)
        .filter(|rest| rest.is_empty() || rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn longest_prefix_decides_under_both_api_prefixes() {
        for (path, service) in [
            ("/api/v1/policies", Service::Control),
            ("/api/v1/policies/enforce", Service::Enforcement),
            ("/api/policies/enforce", Service::Enforcement),
            ("/api/v1/policies/simulate", Service::Ingest),
            ("/api/v1/policies/pol_1", Service::Control),
            ("/api/v1/agents/authorize", Service::Enforcement),
            ("/api/v1/agents/a/pause", Service::Control),
            ("/api/v1/audit-logs", Service::AuditLedger),
            ("/api/v1/audit/checkpoint", Service::AuditLedger),
            ("/api/v1/sdk/bypass-windows", Service::Ingest),
            ("/api/v1/sdk/status-poll", Service::Control),
            ("/writ.v1.EnforcementService/Enforce", Service::Enforcement),
            ("/.well-known/writ-keys.json", Service::AuditLedger),
            ("/.well-known/jwks.json", Service::Control),
            ("/socket.io/", Service::Control),
            ("/tracesque", Service::Control),
        ] {
            assert_eq!(service_for(path), service, "{path}");
        }
    }
}
