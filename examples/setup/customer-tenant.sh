#!/usr/bin/env bash
# Customer's tenant: consent to the collector's app, by address or by command; a check; and taking it back.
#   CUSTOMER_TENANT=… CLIENT_ID=… ./customer-tenant.sh [url|grant|check|revoke|remove]
#     url     prints the address at which an administrator consents. Needs nothing. The usual way
#     grant   does the same by command: makes the service principal and assigns the permissions
#     check   says which permissions are granted and which are missing
#     revoke  takes the permissions back and leaves the service principal
#     remove  deletes the service principal, and with it the permissions
# All but url need the Azure CLI, signed in to the customer's tenant by an administrator (az login --tenant … --allow-no-subscriptions).
set -euo pipefail

# -- parameters: set them in the environment --------------------------------------------------------------------------------
CLOUD=${CLOUD:-Public}                          # Public (GCC too), USGov, China
CUSTOMER_TENANT=${CUSTOMER_TENANT:-}            # id or domain
CLIENT_ID=${CLIENT_ID:-}                        # application (client) id of the collector's app
REDIRECT_URI=${REDIRECT_URI:-https://localhost} # as in the app's registration, to the letter
STATE=${STATE:-}                                # comes back with the browser; letters, digits and hyphens
PERMISSIONS=${PERMISSIONS:-Defender/Machine.Read.All Defender/Vulnerability.Read.All} # <API>/<application permission>; APIs: Defender, Xdr, Graph
ASSUME_YES=${ASSUME_YES:-}                      # 1: take back without asking

say() { printf '%s\n' "$*" >&2; }
die() { say "customer-tenant.sh: $*"; exit 1; }

# What was made a moment ago is not known everywhere yet.
patiently() {
    local pause
    for pause in 5 10 20 30; do
        "$@" && return
        say "  again in $pause s …"
        sleep "$pause"
    done
    "$@"
}

case $CLOUD in
    Public) az_cloud=AzureCloud authority=login.microsoftonline.com graph=https://graph.microsoft.com ;;
    USGov) az_cloud=AzureUSGovernment authority=login.microsoftonline.us graph=https://graph.microsoft.us ;;
    China) az_cloud=AzureChinaCloud authority=login.partner.microsoftonline.cn graph=https://microsoftgraph.chinacloudapi.cn ;;
    *) die "CLOUD is Public, USGov or China, not '$CLOUD'" ;;
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

# role_id API_ID PERMISSION: the id of an application permission, as the API's service principal in this tenant has it.
role_id() {
    local id
    id=$(az ad sp show --id "$1" -o tsv \
        --query "appRoles[?value=='$2' && contains(allowedMemberTypes, 'Application')].id")
    [ -n "$id" ] || die "the API $1 has no application permission '$2'; mind the spelling"
    echo "$id"
}

call() { az rest --resource "$graph" --headers Content-Type=application/json "$@"; }

# principal APP_ID: the object id of an app's service principal in this tenant, empty if there is none.
principal() { az ad sp list --filter "appId eq '$1'" --query '[].id' -o tsv; }

# assignments QUERY: of the collector's assignments.
assignments() { call --method get --url "$graph/v1.0/servicePrincipals/$collector/appRoleAssignments" --query "$1" -o tsv; }

sign_in() {
    command -v az >/dev/null || die 'the Azure CLI is needed: https://aka.ms/azure-cli'
    [ "$(az cloud show --query name -o tsv)" = "$az_cloud" ] || die "the Azure CLI is set to another cloud: az cloud set --name $az_cloud; az login"
    local tenant domains
    tenant=$(az account show --query tenantId -o tsv) || die "sign in first: az login --tenant $CUSTOMER_TENANT --allow-no-subscriptions"
    if [ "${CUSTOMER_TENANT,,}" != "${tenant,,}" ]; then
        domains=$(call --method get --url "$graph/v1.0/domains" --query 'value[].id' -o tsv)
        grep -qxiF -- "$CUSTOMER_TENANT" <<<"$domains" ||
            die "the Azure CLI is signed in to $tenant, not to $CUSTOMER_TENANT: az login --tenant $CUSTOMER_TENANT"
    fi
    say "Customer's tenant: $tenant ($CLOUD)"
    collector=$(principal "$CLIENT_ID")
}

sure() {
    local answer
    [ "$ASSUME_YES" = 1 ] && return
    read -r -p "$1 [y/N] " answer
    [ "$answer" = y ] || exit 1
}

url() {
    local redirect=${REDIRECT_URI//%/%25}
    redirect=${redirect//:/%3A} redirect=${redirect//\//%2F} redirect=${redirect//\?/%3F}
    redirect=${redirect//&/%26} redirect=${redirect//=/%3D} redirect=${redirect//#/%23}
    echo "https://$authority/$CUSTOMER_TENANT/adminconsent?client_id=$CLIENT_ID&redirect_uri=$redirect${STATE:+&state=$STATE}"
}

grant() {
    local permission api api_principal role
    if [ -z "$collector" ]; then
        say 'Service principal: made'
        collector=$(az ad sp create --id "$CLIENT_ID" --query id -o tsv)
        patiently az ad sp show --id "$CLIENT_ID" -o none
    else
        say 'Service principal: there'
    fi
    for permission in $PERMISSIONS; do
        api=$(api_id "${permission%%/*}")
        api_principal=$(principal "$api")
        [ -n "$api_principal" ] ||
            die "the API of $permission is not in this tenant: set Defender up at security.microsoft.com first, or az ad sp create --id $api"
        role=$(role_id "$api" "${permission#*/}")
        if [ -n "$(assignments "value[?appRoleId=='$role' && resourceId=='$api_principal'].id")" ]; then
            say "Permission $permission: there"
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
    [ "$(az ad sp show --id "$CLIENT_ID" --query accountEnabled -o tsv)" != false ] || { say 'WRONG: the app is disabled in this tenant'; missing=1; }
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
    sure "Take every application permission of $CLIENT_ID back?"
    # A list that cannot be read must not look like one that is empty.
    ids=$(assignments 'value[].id')
    for id in $ids; do
        call --method delete --url "$graph/v1.0/servicePrincipals/$collector/appRoleAssignments/$id"
    done
    say 'Taken back. Tokens that are out work until they end, about an hour.'
}

remove() {
    [ -n "$collector" ] || die "the app $CLIENT_ID is not in this tenant"
    sure "Delete the service principal of $CLIENT_ID, with its permissions?"
    az ad sp delete --id "$collector"
    say 'Deleted. Tokens that are out work until they end, about an hour.'
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
    *) die 'url, grant, check, revoke or remove?' ;;
esac
