//! What the evaluator asks, answered from memory: everything admitted so far.

use std::borrow::Cow;
use std::convert::Infallible;

use probity_domain::facts::{Excepted, Planned, Requested};
use probity_domain::subjects::{Dataset, Model, Version, Withdrawal};
use probity_domain::{At, DatasetId, Facts, Gates, ModelId, Signed, VersionId};
use probity_schemas::{Digest, Kid};

use crate::domain::Case;
use crate::state::State;

impl Facts for State {
    type Error = Infallible;

    fn gates(&self) -> Result<Cow<'_, Gates>, Infallible> {
        Ok(Cow::Borrowed(self.policies.gates()))
    }

    fn version(&self, version: &VersionId) -> Result<Option<Cow<'_, Version>>, Infallible> {
        Ok(self.domain.versions.get(version.as_str()).map(Cow::Borrowed))
    }

    fn model(&self, model: &ModelId) -> Result<Option<Cow<'_, Model>>, Infallible> {
        Ok(self.domain.models.get(model.as_str()).map(Cow::Borrowed))
    }

    fn dataset(&self, dataset: &DatasetId) -> Result<Option<Cow<'_, Dataset>>, Infallible> {
        Ok(self.domain.datasets.get(dataset.as_str()).map(Cow::Borrowed))
    }

    fn data_withdrawn(&self, digest: &Digest) -> Result<Cow<'_, [Withdrawal]>, Infallible> {
        Ok(Cow::Borrowed(self.domain.withdrawn_data.get(digest).map(Vec::as_slice).unwrap_or_default()))
    }

    fn document_withdrawn(&self, digest: &Digest) -> Result<Cow<'_, [Withdrawal]>, Infallible> {
        Ok(Cow::Borrowed(self.domain.documents.get(digest).map(Vec::as_slice).unwrap_or_default()))
    }

    fn requests(&self, version: &VersionId) -> Result<Vec<Requested<'_>>, Infallible> {
        let indices = self.domain.versions.get(version.as_str()).map(|version| version.requests.as_slice());
        let requests = indices.unwrap_or_default().iter().filter_map(|index| {
            let item = self.domain.item(*index)?;
            let Case::ApprovalRequest(request) = &item.case else { return None };
            Some(Requested { at: item.at, request: Cow::Borrowed(request.as_ref()), rejected: item.closed })
        });
        Ok(requests.collect())
    }

    fn plans(&self, model: &ModelId) -> Result<Vec<Planned<'_>>, Infallible> {
        let indices = self.domain.models.get(model.as_str()).map(|model| model.plans.as_slice());
        let plans = indices.unwrap_or_default().iter().filter_map(|index| {
            let item = self.domain.item(*index)?;
            let Case::Plan(plan) = &item.case else { return None };
            Some(Planned { index: *index, plan: Cow::Borrowed(plan.as_ref()), revoked: item.closed })
        });
        Ok(plans.collect())
    }

    fn exceptions(&self, subject: &str) -> Result<Vec<Excepted<'_>>, Infallible> {
        let indices = self.domain.exceptions.get(subject).map(Vec::as_slice);
        let exceptions = indices.unwrap_or_default().iter().filter_map(|index| {
            let item = self.domain.item(*index)?;
            let (Case::Exception(exception) | Case::Emergency(exception)) = &item.case else { return None };
            Some(Excepted { exception: Cow::Borrowed(exception.as_ref()), revoked: item.closed })
        });
        Ok(exceptions.collect())
    }

    fn compromised(&self, signed: &Signed) -> Result<Option<(Kid, At)>, Infallible> {
        Ok(self.authority.compromised(signed))
    }
}
