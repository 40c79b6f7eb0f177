//! Who may sign, in which roles: as the door has it now.

use probity_proto::v1;
use probity_query::{Member, Scope};
use probity_schemas::NamespacePattern;

/// What is asked for.
#[derive(Debug, Default)]
pub(crate) struct Wanted {
    pub(crate) namespace: Option<NamespacePattern>,
    pub(crate) role: String,
}

/// Those of the enrolled who hold what is asked for, with what may be seen of it.
pub(crate) fn people(members: Vec<Member>, wanted: &Wanted, scope: &Scope) -> Vec<v1::Person> {
    let overlaps = |held: &NamespacePattern, asked: &NamespacePattern| held.includes(asked) || asked.includes(held);
    let seen = |held: &NamespacePattern| match scope {
        Scope::Everything => true,
        Scope::Namespaces(patterns) => patterns.iter().any(|pattern| overlaps(held, pattern)),
    };
    let asked = |held: &NamespacePattern| wanted.namespace.as_ref().is_none_or(|asked| overlaps(held, asked));
    let mut found = Vec::new();
    for member in members {
        let mut roles = Vec::new();
        for (role, namespaces, until_ms) in member.roles {
            let namespaces: Vec<String> =
                namespaces.iter().filter(|held| seen(held)).map(ToString::to_string).collect();
            if !namespaces.is_empty() {
                roles.push(v1::HeldRole { role, namespaces, until_ms });
            }
        }
        let fits = |held: &v1::HeldRole| {
            let role = wanted.role.is_empty() || held.role == wanted.role;
            role && held.namespaces.iter().any(|namespace| namespace.parse().is_ok_and(|held| asked(&held)))
        };
        let all = wanted.role.is_empty() && wanted.namespace.is_none() && *scope == Scope::Everything;
        if all || roles.iter().any(fits) {
            found.push(v1::Person {
                identity: member.identity.to_string(),
                roles,
                responsible: member.responsible.iter().map(ToString::to_string).collect(),
                departed_ms: member.departed_ms,
                has_key: member.has_key,
            });
        }
    }
    found
}
