//! The views of a server: which are folded from its log, and the services that answer from them.

use std::sync::Arc;

use anyhow::{Context, Result};
use probity_admission::KNOWN_RULE_SETS;
use probity_audit::{AuditHandler, AuditProjector};
use probity_compliance::{ComplianceHandler, ComplianceProjector};
use probity_inventory::{InventoryHandler, InventoryProjector};
use probity_lineage::{LineageHandler, LineageProjector};
use probity_log::Log;
use probity_projection::{Follower, Following, Reader, Source, Store};
use probity_proto::v1::audit_service_server::AuditServiceServer;
use probity_proto::v1::compliance_service_server::ComplianceServiceServer;
use probity_proto::v1::inventory_service_server::InventoryServiceServer;
use probity_proto::v1::lineage_service_server::LineageServiceServer;
use probity_query::{Access, QueryContext};
use probity_schemas::Clock;
use probity_statement::LedgerKeys;
use tonic::service::Routes;
use tonic::service::interceptor::InterceptedService;

use crate::access::Access as Transport;
use crate::config::{Config, ViewName};

/// Views that are followed.
#[derive(Debug)]
pub(crate) struct Views {
    following: Following,
    pub(crate) readers: Vec<Reader>,
}

impl Views {
    /// Opens the configured views, starts to fold the log into them, and adds their services to `routes`.
    pub(crate) async fn start(
        config: &Config,
        log: Arc<dyn Log>,
        keys: LedgerKeys,
        access: &Arc<dyn Access>,
        clock: &Arc<dyn Clock>,
        transport: &Transport,
        mut routes: Routes,
    ) -> Result<(Self, Routes)> {
        let (path, cache) = (config.views(), config.views.cache_mib << 20);
        let store = tokio::task::spawn_blocking(move || Store::open(&path, cache)).await?;
        let store = store.with_context(|| {
            format!("the views in {} do not open; they can be deleted and come back", config.views().display())
        })?;
        let source = Source { log, keys, rule_sets: KNOWN_RULE_SETS };
        let mut follower = Follower::new(source, store).await?;
        let mut readers = Vec::new();
        for view in config.enabled_views() {
            let reader = match view {
                ViewName::Inventory => follower.add::<InventoryProjector>().await?,
                ViewName::Audit => follower.add::<AuditProjector>().await?,
                ViewName::Lineage => follower.add::<LineageProjector>().await?,
                ViewName::Compliance => follower.add::<ComplianceProjector>().await?,
            };
            readers.push(reader.clone());
            let context = QueryContext::new(reader, access.clone(), clock.clone());
            let transport = transport.clone();
            routes = match view {
                ViewName::Inventory => routes.add_service(InterceptedService::new(
                    InventoryServiceServer::new(InventoryHandler::new(context)),
                    transport,
                )),
                ViewName::Audit => routes.add_service(InterceptedService::new(
                    AuditServiceServer::new(AuditHandler::new(context)),
                    transport,
                )),
                ViewName::Lineage => routes.add_service(InterceptedService::new(
                    LineageServiceServer::new(LineageHandler::new(context)),
                    transport,
                )),
                ViewName::Compliance => routes.add_service(InterceptedService::new(
                    ComplianceServiceServer::new(ComplianceHandler::new(context)),
                    transport,
                )),
            };
        }
        Ok((Self { following: follower.start()?, readers }, routes))
    }

    /// Stops folding, and makes durable what was folded.
    pub(crate) async fn stop(self) -> Result<()> {
        Ok(self.following.stop().await?)
    }
}

/// The name of the service that answers from a view.
pub(crate) fn service_of(view: &str) -> &'static str {
    match view {
        "inventory" => "InventoryService",
        "audit" => "AuditService",
        "lineage" => "LineageService",
        _ => "ComplianceService",
    }
}
