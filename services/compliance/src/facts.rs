//! What the evaluator asks, answered from the view's tables.

use std::borrow::Cow;

use probity_domain::facts::{Excepted, Planned, Requested};
use probity_domain::subjects::{Dataset, Model, Version, Withdrawal};
use probity_domain::{At, DatasetId, Facts, Gates, ModelId, Signed, VersionId};
use probity_projection::StoreError;
use probity_schemas::{Digest, Kid};

use crate::records::Look;
use crate::records::approvals::{
    EXCEPTIONS, EXCEPTIONS_OF, GATES, PLANS, REQUESTS, exception_key, plan_key, request_key,
};
use crate::records::authority::COMPROMISED;
use crate::records::subjects::{
    DATA_WITHDRAWN, DATASETS, DOCUMENTS, MODELS, VERSIONS, data_key, dataset_key, document_key, model_key, version_key,
};

/// The record as far as it is folded into a view or a batch.
pub(crate) struct Folded<'a, L>(pub(crate) &'a L);

impl<L: Look> Facts for Folded<'_, L> {
    type Error = StoreError;

    fn gates(&self) -> Result<Cow<'_, Gates>, StoreError> {
        Ok(Cow::Owned(self.0.look_or_empty(&GATES, &GATES.key())?.0))
    }

    fn version(&self, version: &VersionId) -> Result<Option<Cow<'_, Version>>, StoreError> {
        let state = self.0.look(&VERSIONS, &version_key(version))?;
        Ok(state.map(|state| Cow::Owned(state.said)))
    }

    fn model(&self, model: &ModelId) -> Result<Option<Cow<'_, Model>>, StoreError> {
        let state = self.0.look(&MODELS, &model_key(model))?;
        Ok(state.map(|state| Cow::Owned(state.said)))
    }

    fn dataset(&self, dataset: &DatasetId) -> Result<Option<Cow<'_, Dataset>>, StoreError> {
        Ok(self.0.look(&DATASETS, &dataset_key(dataset))?.map(Cow::Owned))
    }

    fn data_withdrawn(&self, digest: &Digest) -> Result<Cow<'_, [Withdrawal]>, StoreError> {
        Ok(Cow::Owned(self.0.look_or_empty(&DATA_WITHDRAWN, &data_key(digest))?))
    }

    fn document_withdrawn(&self, digest: &Digest) -> Result<Cow<'_, [Withdrawal]>, StoreError> {
        Ok(Cow::Owned(self.0.look_or_empty(&DOCUMENTS, &document_key(digest))?.withdrawn))
    }

    fn requests(&self, version: &VersionId) -> Result<Vec<Requested<'_>>, StoreError> {
        let indices = self.0.look_or_empty(&VERSIONS, &version_key(version))?.said.requests;
        let mut requests = Vec::with_capacity(indices.len());
        for index in indices {
            let state = self.0.look_or_empty(&REQUESTS, &request_key(index))?;
            requests.extend(state.map(|state| Requested {
                at: state.at,
                request: Cow::Owned(state.request),
                rejected: state.rejected,
            }));
        }
        Ok(requests)
    }

    fn plans(&self, model: &ModelId) -> Result<Vec<Planned<'_>>, StoreError> {
        let indices = self.0.look_or_empty(&MODELS, &model_key(model))?.said.plans;
        let mut plans = Vec::with_capacity(indices.len());
        for index in indices {
            let state = self.0.look_or_empty(&PLANS, &plan_key(index))?;
            plans.extend(state.map(|state| Planned { index, plan: Cow::Owned(state.plan), revoked: state.revoked }));
        }
        Ok(plans)
    }

    fn exceptions(&self, subject: &str) -> Result<Vec<Excepted<'_>>, StoreError> {
        let indices = self.0.look_or_empty(&EXCEPTIONS_OF, &EXCEPTIONS_OF.key().text(subject))?;
        let mut exceptions = Vec::with_capacity(indices.len());
        for index in indices {
            let state = self.0.look_or_empty(&EXCEPTIONS, &exception_key(index))?;
            exceptions
                .extend(state.map(|state| Excepted { exception: Cow::Owned(state.exception), revoked: state.revoked }));
        }
        Ok(exceptions)
    }

    fn compromised(&self, signed: &Signed) -> Result<Option<(Kid, At)>, StoreError> {
        let key = self.0.look_or_empty(&COMPROMISED, &COMPROMISED.key().small(signed.key))?;
        Ok(key.filter(|(_, since_ms, _)| *since_ms <= signed.time_ms).map(|(kid, _, at)| (kid, at)))
    }
}
