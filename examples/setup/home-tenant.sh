#!/usr/bin/env bash
# Home tenant: the user-assigned identity, the multi-tenant app, its permissions, and the federated credential.
#   RESOURCE_GROUP=rg-collector ./home-tenant.sh [setup|check|remove]
# You can run it as often as you like: it changes nothing that is already right. Needs the Azure CLI, signed in to the
# home tenant (az login --tenant …).
set -euo pipefail

# -- parameters: set them in the environment -------------------------------------------------------------------------
CLOUD=${CLOUD:-Public}                                # Public (also for GCC), USGov, China
RESOURCE_GROUP=${RESOURCE_GROUP:-}                    # of the identity; must exist
LOCATION=${LOCATION:-}                                # of a new identity; if empty, that of the group
IDENTITY_NAME=${IDENTITY_NAME:-id-defender-collector} # the user-assigned identity: created if it does not exist
APP_NAME=${APP_NAME:-Defender collector}              # customers see this name
CLIENT_ID=${CLIENT_ID:-}                              # of an existing app; if empty, found or created by its name
CREDENTIAL_NAME=${CREDENTIAL_NAME:-collector-identity} # of a new federated credential: letters, digits, hyphens
REDIRECT_URI=${REDIRECT_URI:-https://localhost}       # where the browser goes after a customer's consent
ASSUME_YES=${ASSUME_YES:-}                            # 1: remove without asking
# <API>/<application permission>; APIs: Defender, Xdr, Graph
PERMISSIONS=${PERMISSIONS:-Defender/Machine.Read.All Defender/Vulnerability.Read.All}

say() { printf '%s\n' "$*" >&2; }
die() { say "home-tenant.sh: $*"; exit 1; }

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
    Public) az_cloud=AzureCloud authority=login.microsoftonline.com audience=api://AzureADTokenExchange ;;
    USGov) az_cloud=AzureUSGovernment authority=login.microsoftonline.us audience=api://AzureADTokenExchangeUSGov ;;
    China)
        az_cloud=AzureChinaCloud authority=login.partner.microsoftonline.cn
        audience=api://AzureADTokenExchangeChina
        ;;
    *) die "CLOUD must be Public, USGov or China, not '$CLOUD'" ;;
esac

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

# find_app: sets client_id, empty if it does not exist.
find_app() {
    local found
    if [ -n "$CLIENT_ID" ]; then
        client_id=$(az ad app show --id "$CLIENT_ID" --query appId -o tsv)
        return
    fi
    found=$(az ad app list --filter "displayName eq '${APP_NAME//\'/\'\'}'" --query '[].appId' -o tsv)
    [ "$(grep -c . <<<"$found" || true)" -le 1 ] ||
        die "more than one app is called '$APP_NAME'; name one with CLIENT_ID"
    client_id=$found
}

# find_identity: sets identity_*, empty if it does not exist.
find_identity() {
    local query="[?name=='$IDENTITY_NAME']"
    identity_object_id=$(az identity list -g "$RESOURCE_GROUP" --query "$query.principalId" -o tsv)
    identity_client_id=$(az identity list -g "$RESOURCE_GROUP" --query "$query.clientId" -o tsv)
    identity_resource_id=$(az identity list -g "$RESOURCE_GROUP" --query "$query.id" -o tsv)
}

# credential FIELD: a field of the federated credential with this issuer and subject, whatever its name is.
credential() {
    az ad app federated-credential list --id "$client_id" -o tsv \
        --query "[?issuer=='$issuer' && subject=='$identity_object_id'].$1"
}

set_up_identity() {
    find_identity
    if [ -z "$identity_object_id" ]; then
        say "Identity $IDENTITY_NAME: created"
        az identity create -g "$RESOURCE_GROUP" -n "$IDENTITY_NAME" ${LOCATION:+-l "$LOCATION"} -o none
        find_identity
        [ -n "$identity_object_id" ] || die "the identity $IDENTITY_NAME is not listed yet: run this again"
    else
        say "Identity $IDENTITY_NAME: exists"
    fi
}

set_up_app() {
    local uris registered
    find_app
    if [ -z "$client_id" ]; then
        say "App $APP_NAME: created"
        client_id=$(az ad app create --display-name "$APP_NAME" --sign-in-audience AzureADMultipleOrgs \
            --web-redirect-uris "$REDIRECT_URI" --query appId -o tsv)
        patiently az ad app show --id "$client_id" -o none
        return
    fi
    say "App $client_id: exists"
    if [ "$(az ad app show --id "$client_id" --query signInAudience -o tsv)" = AzureADMyOrg ]; then
        say "  changed to multi-tenant"
        az ad app update --id "$client_id" --sign-in-audience AzureADMultipleOrgs
    fi
    # Read first, in a command of its own: a failure must end here, because the update replaces the whole list.
    registered=$(az ad app show --id "$client_id" --query 'web.redirectUris[]' -o tsv)
    mapfile -t uris <<<"$registered"
    if ! printf '%s\n' "${uris[@]}" | grep -qxF -- "$REDIRECT_URI"; then
        say "  redirect URI $REDIRECT_URI added"
        # An empty element would be no URI.
        if [ -z "${uris[*]}" ]; then uris=(); fi
        az ad app update --id "$client_id" --web-redirect-uris "${uris[@]}" "$REDIRECT_URI"
    fi
}

# asks_for API_ID ROLE_ID: true if the app has this application permission in its list.
asks_for() {
    az ad app show --id "$client_id" -o tsv \
        --query "requiredResourceAccess[?resourceAppId=='$1'].resourceAccess[].id" | grep -xiF -- "$2" >/dev/null
}

set_up_permissions() {
    local permission api role
    for permission in $PERMISSIONS; do
        api=$(api_id "${permission%%/*}")
        # An API that nobody has used in this tenant has no service principal, and so no list of permissions.
        if ! az ad sp show --id "$api" -o none 2>/dev/null; then
            az ad sp create --id "$api" -o none
            patiently az ad sp show --id "$api" -o none
        fi
        role=$(role_id "$api" "${permission#*/}")
        if asks_for "$api" "$role"; then
            say "Permission $permission: exists"
        else
            say "Permission $permission: added; customers must consent to it"
            az ad app permission add --id "$client_id" --api "$api" --api-permissions "$role=Role" \
                -o none --only-show-errors
            # Adding reads the list and writes it back, so the next call must already read this permission.
            patiently asks_for "$api" "$role"
        fi
    done
}

set_up_credential() {
    local name parameters other
    name=$(credential name)
    parameters=$(printf '{"name":"%s","issuer":"%s","subject":"%s","audiences":["%s"]}' \
        "${name:-$CREDENTIAL_NAME}" "$issuer" "$identity_object_id" "$audience")
    if [ -n "$name" ]; then
        if [ "$(credential 'audiences[0]')" = "$audience" ]; then
            say "Federated credential $name: exists"
            return
        fi
        say "Federated credential $name: audience corrected; takes some minutes to spread"
        az ad app federated-credential update --id "$client_id" --federated-credential-id "$name" \
            --parameters "$parameters" -o none
        return
    fi
    # Another identity may still need it, so it is not overwritten.
    other=$(az ad app federated-credential list --id "$client_id" -o tsv \
        --query "[?name=='$CREDENTIAL_NAME'].subject")
    [ -z "$other" ] ||
        die "the federated credential $CREDENTIAL_NAME is of another subject, $other:" \
            "choose another name with CREDENTIAL_NAME, or delete it:" \
            "az ad app federated-credential delete --id $client_id --federated-credential-id $CREDENTIAL_NAME"
    say "Federated credential $CREDENTIAL_NAME: created; takes some minutes to spread"
    patiently az ad app federated-credential create --id "$client_id" --parameters "$parameters" -o none
}

show() {
    cat <<END
HOME_TENANT=$tenant
CLIENT_ID=$client_id
IDENTITY_CLIENT_ID=$identity_client_id
IDENTITY_OBJECT_ID=$identity_object_id
IDENTITY_RESOURCE_ID=$identity_resource_id
ISSUER=$issuer
SUBJECT=$identity_object_id
AUDIENCE=$audience
END
}

set_up() {
    set_up_identity
    set_up_app
    set_up_permissions
    set_up_credential
    show
    say
    say 'Attach the identity to what runs the collector, for example:'
    say "  az functionapp identity assign -g <group> -n <app> --identities $identity_resource_id"
    say 'Then let each customer consent: customer-tenant.sh url'
}

# check: prints every problem; the exit code is 1 if there is one.
check() {
    local faults=0 secrets permission api role
    wrong() { say "WRONG: $*"; faults=$((faults + 1)); }
    find_identity
    find_app
    [ -n "$identity_object_id" ] || wrong "there is no identity $IDENTITY_NAME in $RESOURCE_GROUP"
    [ -n "$client_id" ] || die "there is no app '$APP_NAME'"
    case $(az ad app show --id "$client_id" --query signInAudience -o tsv) in
        AzureADMultipleOrgs | AzureADandPersonalMicrosoftAccount) ;;
        *) wrong 'the app is not multi-tenant' ;;
    esac
    [ "$(credential 'audiences[0]')" = "$audience" ] ||
        wrong "the app has no federated credential with" \
            "issuer $issuer, subject $identity_object_id, audience $audience"
    for permission in $PERMISSIONS; do
        api=$(api_id "${permission%%/*}")
        role=$(role_id "$api" "${permission#*/}")
        asks_for "$api" "$role" || wrong "the app does not request $permission"
    done
    secrets=$(az ad app show --id "$client_id" -o tsv \
        --query '[passwordCredentials[].keyId, keyCredentials[].keyId][]' | grep -c . || true)
    [ "$secrets" = 0 ] || say "NOTE: the app has $secrets secrets or certificates; the collector needs none"
    show
    return $((faults > 0))
}

remove() {
    local answer names name
    find_app
    [ -n "$client_id" ] || die "there is no app '$APP_NAME'"
    say "This removes the app $client_id with its federated credentials."
    say 'The collector stops for EVERY customer.'
    if [ "$ASSUME_YES" != 1 ]; then
        read -r -p 'Remove them? [y/N] ' answer
        [ "$answer" = y ] || exit 1
    fi
    # The credentials first: without them there are no new tokens.
    names=$(az ad app federated-credential list --id "$client_id" --query '[].name' -o tsv)
    for name in $names; do
        az ad app federated-credential delete --id "$client_id" --federated-credential-id "$name"
    done
    az ad app delete --id "$client_id"
    say 'Removed. The app can be restored for 30 days. Existing tokens work until they end, about an hour.'
    say 'The identity still exists, because something else may use it. To delete it:'
    say "  az identity delete -g ${RESOURCE_GROUP:-<group>} -n $IDENTITY_NAME"
    say 'Each customer must delete the service principal in their own tenant.'
}

command -v az >/dev/null || die 'the Azure CLI is needed: https://aka.ms/azure-cli'
[ "$(az cloud show --query name -o tsv)" = "$az_cloud" ] ||
    die "the Azure CLI is set to another cloud: az cloud set --name $az_cloud; az login"
tenant=$(az account show --query tenantId -o tsv) || die 'sign in first: az login --tenant <home tenant>'
issuer=https://$authority/$tenant/v2.0
say "Home tenant: $tenant ($CLOUD)"

task=${1:-setup}
[ "$task" = remove ] || [ -n "$RESOURCE_GROUP" ] || die 'set RESOURCE_GROUP to the resource group of the identity'
case $task in
    setup) set_up ;;
    check) check ;;
    remove) remove ;;
    *) die 'the task must be setup, check or remove' ;;
esac
