//! Customers of a Microsoft partner, with granular delegated admin privileges (GDAP). The partner's tenant lists them.

use crate::catalog::ColumnKind::Text;
use crate::catalog::columns::{ADDITIONAL_COLUMN, col, col_at, shown};
use crate::catalog::{Cmdlet, Paging, Resource};
use crate::cloud::Family;

pub(crate) const RESOURCE: Resource = Resource {
    name: "delegatedAdminCustomers",
    class: "Customer",
    doc: "Customers of a partner, with delegated administration (GDAP)",
    reference: "https://learn.microsoft.com/graph/api/tenantrelationship-list-delegatedadmincustomers",
    family: Family::Graph,
    list_path: Some("/v1.0/tenantRelationships/delegatedAdminCustomers"),
    paging: Paging::ODATA,
    probe: Some(&[("$top", "1")]),
    permissions: &["DelegatedAdminRelationship.Read.All", "DelegatedAdminRelationship.ReadWrite.All"],
    columns: &[
        // Not tenantId: that of a row is the tenant that it was read from.
        col_at("customerId", &["tenantId"], Text, "Id of the customer's tenant"),
        col_at("customerName", &["displayName"], Text, "Name of the customer"),
        col("id", Text, "Id of the customer in the list"),
        ADDITIONAL_COLUMN,
    ],
    table: &[shown("customerName", "Customer", 0), shown("customerId", "CustomerId", 36)],
    cmdlet: Some(Cmdlet::get("Tenant")),
    ..Resource::DEFAULT
};
