//! The views of a server: which are folded from its log, and the services that answer from them.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context, Result};
use probity_admission::KNOWN_RULE_SETS;
use probity_log::Log;
use probity_projection::{Follower, Following, Source, Store, ViewReader};
use probity_query::{Access, QueryContext, ReadPool, ViewSpec};
use probity_schemas::Clock;
use probity_statement::LedgerKeys;
use tonic::service::Routes;

use crate::config::{Config, ViewName};

/// Every view that there is. Roles, health, metrics and commands go by this list.
pub static VIEWS: [ViewSpec; 4] =
    [probity_inventory::VIEW, probity_audit::VIEW, probity_lineage::VIEW, probity_compliance::VIEW];

/// Views that are followed.
#[derive(Debug)]
pub(crate) struct Views {
    following: Following,
    pub(crate) readers: Vec<(&'static ViewSpec, ViewReader)>,
}

/// Which views there are, and where.
#[derive(Debug)]
pub(crate) struct ViewsOptions {
    pub(crate) directory: PathBuf,
    pub(crate) cache_bytes: usize,
    pub(crate) views: Vec<&'static ViewSpec>,
}

impl ViewsOptions {
    /// As configured.
    pub(crate) fn of(config: &Config) -> Self {
        let views = config.enabled_views().filter_map(ViewName::spec).collect();
        Self { directory: config.views(), cache_bytes: config.views.cache_mib << 20, views }
    }
}

impl Views {
    /// Opens views, starts to fold the log into them, and adds their services to `routes`.
    pub(crate) async fn start(
        options: ViewsOptions,
        log: Arc<dyn Log>,
        keys: LedgerKeys,
        (access, clock): (&Arc<dyn Access>, &Arc<dyn Clock>),
        pool: &ReadPool,
        mut routes: Routes,
    ) -> Result<(Self, Routes)> {
        let ViewsOptions { directory, cache_bytes, views } = options;
        let shown = directory.display().to_string();
        let store = tokio::task::spawn_blocking(move || Store::open(&directory, cache_bytes)).await?;
        let store =
            store.with_context(|| format!("the views in {shown} do not open; they can be deleted and come back"))?;
        let source = Source { log, keys, rule_sets: KNOWN_RULE_SETS };
        let mut follower = Follower::new(source, store).await?;
        let mut readers = Vec::new();
        for view in views {
            let reader = (view.follow)(&mut follower).await?;
            let context = QueryContext::new(reader.clone(), access.clone(), clock.clone(), pool.clone());
            routes = (view.serve)(routes, context);
            readers.push((view, reader));
        }
        Ok((Self { following: follower.start()?, readers }, routes))
    }

    /// Resolves when a thread that folds has broken down: the process must then exit.
    pub(crate) fn failed(&self) -> impl Future<Output = ()> + Send + 'static {
        self.following.failed()
    }

    /// Stops folding, and makes durable what was folded.
    pub(crate) async fn stop(self) -> Result<()> {
        Ok(self.following.stop().await?)
    }
}
