#!/usr/bin/env bash
# Customer's tenant: consents to the collector's app by address or by command, checks the consent, and removes it.
#   CUSTOMER_TENANT=… CLIENT_ID=… ./customer-tenant.sh [url|grant|check|revoke|remove]
#     url     prints the address at which an administrator consents. Needs nothing. The usual way
#     grant   does the same by command: creates the service principal and assigns the permissions
#     check   says which permissions are granted and which are missing
#     revoke  removes the permissions and keeps the service principal
#     remove  deletes the service principal, and with it the permissions
# All except url need the Azure CLI, where an administrator has signed in to the customer's tenant
# (az login --tenant … --allow-no-subscriptions).
set -euo pipefail

# -- parameters: set them in the environment -------------------------------------------------------------------------
CLOUD=${CLOUD:-Public}                          # Public (also for GCC), USGov, China
CUSTOMER_TENANT=${CUSTOMER_TENANT:-}            # id or domain
CLIENT_ID=${CLIENT_ID:-}                        # application (client) id of the collector's app
REDIRECT_URI=${REDIRECT_URI:-https://localhost} # exactly as in the app registration
STATE=${STATE:-}                                # comes back with the browser; letters, digits and hyphens
ASSUME_YES=${ASSUME_YES:-}                      # 1: remove without asking
# <API>/<application permission>; APIs: Defender, Xdr, Graph
PERMISSIONS=${PERMISSIONS:-Defender/Machine.Read.All Defender/Vulnerability.Read.All}

say() { printf '%s\n' "$*" >&2; }
die() { say "customer-tenant.sh: $*"; exit 1; }

# Objects that were just created take a moment to spread.
patiently() {
    local pause
    for pause in 5 10 20 30; do
        "$@" && return
        say "  retrying in $pause s …"
        sleep "$pause"
    done
    "$@"
}

case $CLOUD in
    Public) az_cloud=AzureCloud authority=login.microsoftonline.com graph=https://graph.microsoft.com ;;
    USGov) az_cloud=AzureUSGovernment authority=login.microsoftonline.us graph=https://graph.microsoft.us ;;
    China)
        az_cloud=AzureChinaCloud authority=login.partner.microsoftonline.cn
        graph=https://microsoftgraph.chinacloudapi.cn
        ;;
    *) die "CLOUD must be Public, USGov or China, not '$CLOUD'" ;;
esac
graph=${GRAPH:-$graph} # level 5 of the US government: GRAPH=https://dod-graph.microsoft.us

# api_id NAME: the application id of an API.
api_id() {
    case $1 in
        Defender) echo fc780465-2017-40d4-a0c5-307022471b92 ;; # WindowsDefenderATP
        Xdr) echo 8ee8fdad-f234-4243-8f3b-15c294843740 ;;      # Microsoft Threat Protection
        Graph) echo 00000003-0000-0000-c000-000000000000 ;;    # Microsoft Graph
        *) die "unknown API '$1' in PERMISSIONS; known: Defender, Xdr, Graph" ;;
    esac
}

# role_id API_ID PERMISSION: the id of an application permission, from the API's service principal in this tenant.
role_id() {
    local id
    id=$(az ad sp show --id "$1" -o tsv \
        --query "appRoles[?value=='$2' && contains(allowedMemberTypes, 'Application')].id")
    [ -n "$id" ] || die "the API $1 has no application permission '$2'; check the spelling"
    echo "$id"
}

call() { az rest --resource "$graph" --headers Content-Type=application/json "$@"; }

# principal APP_ID: the object id of an app's service principal in this tenant, empty if it does not exist.
principal() { az ad sp list --filter "appId eq '$1'" --query '[].id' -o tsv; }

# assignments QUERY: queries the collector's assignments.
assignments() {
    call --method get --url "$graph/v1.0/servicePrincipals/$collector/appRoleAssignments" --query "$1" -o tsv
}

sign_in() {
    command -v az >/dev/null || die 'the Azure CLI is needed: https://aka.ms/azure-cli'
    [ "$(az cloud show --query name -o tsv)" = "$az_cloud" ] ||
        die "the Azure CLI is set to another cloud: az cloud set --name $az_cloud; az login"
    local tenant domains
    tenant=$(az account show --query tenantId -o tsv) ||
        die "sign in first: az login --tenant $CUSTOMER_TENANT --allow-no-subscriptions"
    if [ "${CUSTOMER_TENANT,,}" != "${tenant,,}" ]; then
        domains=$(call --method get --url "$graph/v1.0/domains" --query 'value[].id' -o tsv)
        grep -qxiF -- "$CUSTOMER_TENANT" <<<"$domains" ||
            die "the Azure CLI is signed in to $tenant, not to $CUSTOMER_TENANT: az login --tenant $CUSTOMER_TENANT"
    fi
    say "Customer's tenant: $tenant ($CLOUD)"
    collector=$(principal "$CLIENT_ID")
}

confirm() {
    local answer
    [ "$ASSUME_YES" = 1 ] && return
    read -r -p "$1 [y/N] " answer
    [ "$answer" = y ] || exit 1
}

url() {
    local redirect=${REDIRECT_URI//%/%25}
    redirect=${redirect//:/%3A} redirect=${redirect//\//%2F} redirect=${redirect//\?/%3F}
    redirect=${redirect//&/%26} redirect=${redirect//=/%3D} redirect=${redirect//#/%23}
    local query="client_id=$CLIENT_ID&redirect_uri=$redirect${STATE:+&state=$STATE}"
    echo "https://$authority/$CUSTOMER_TENANT/adminconsent?$query"
}

grant() {
    local permission api api_principal role
    if [ -z "$collector" ]; then
        say 'Service principal: created'
        collector=$(az ad sp create --id "$CLIENT_ID" --query id -o tsv)
        patiently az ad sp show --id "$CLIENT_ID" -o none
    else
        say 'Service principal: exists'
    fi
    for permission in $PERMISSIONS; do
        api=$(api_id "${permission%%/*}")
        api_principal=$(principal "$api")
        [ -n "$api_principal" ] ||
            die "the API of $permission is not in this tenant:" \
                "set up Defender at security.microsoft.com first, or run: az ad sp create --id $api"
        role=$(role_id "$api" "${permission#*/}")
        if [ -n "$(assignments "value[?appRoleId=='$role' && resourceId=='$api_principal'].id")" ]; then
            say "Permission $permission: exists"
            continue
        fi
        say "Permission $permission: granted"
        patiently call --method post --url "$graph/v1.0/servicePrincipals/$api_principal/appRoleAssignedTo" -o none \
            --body "{\"principalId\":\"$collector\",\"resourceId\":\"$api_principal\",\"appRoleId\":\"$role\"}"
    done
}

check() {
    local missing=0 permission api api_principal role
    [ -n "$collector" ] || die "the app $CLIENT_ID is not in this tenant: nobody has consented yet"
    if [ "$(az ad sp show --id "$CLIENT_ID" --query accountEnabled -o tsv)" = false ]; then
        say 'WRONG: the app is disabled in this tenant'
        missing=1
    fi
    for permission in $PERMISSIONS; do
        api=$(api_id "${permission%%/*}")
        api_principal=$(principal "$api")
        role=
        [ -z "$api_principal" ] || role=$(role_id "$api" "${permission#*/}")
        if [ -z "$api_principal" ]; then
            echo "no API   $permission"
            missing=1
        elif [ -n "$(assignments "value[?appRoleId=='$role' && resourceId=='$api_principal'].id")" ]; then
            echo "granted  $permission"
        else
            echo "missing  $permission"
            missing=1
        fi
    done
    return "$missing"
}

revoke() {
    local id ids
    [ -n "$collector" ] || die "the app $CLIENT_ID is not in this tenant"
    confirm "Remove every application permission of $CLIENT_ID?"
    # A list that cannot be read must not look like an empty one.
    ids=$(assignments 'value[].id')
    for id in $ids; do
        call --method delete --url "$graph/v1.0/servicePrincipals/$collector/appRoleAssignments/$id"
    done
    say 'Removed. Existing tokens work until they end, about an hour.'
}

remove() {
    [ -n "$collector" ] || die "the app $CLIENT_ID is not in this tenant"
    confirm "Delete the service principal of $CLIENT_ID, with its permissions?"
    az ad sp delete --id "$collector"
    say 'Deleted. Existing tokens work until they end, about an hour.'
}

[ -n "$CUSTOMER_TENANT" ] || die 'set CUSTOMER_TENANT'
[ -n "$CLIENT_ID" ] || die 'set CLIENT_ID'
task=${1:-url}
case $task in
    url) url ;;
    grant | check | revoke | remove)
        sign_in
        "$task"
        ;;
    *) die 'the task must be url, grant, check, revoke or remove' ;;
esac
