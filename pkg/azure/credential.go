package azure

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/cloud"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"

	"github.com/fleetup-dev/fleetup/pkg/azure/internal/text"
	"github.com/fleetup-dev/fleetup/pkg/fleet"
)

// The environment variables that the kinds of credential read.
const (
	envTenant        = "AZURE_TENANT_ID"
	envClient        = "AZURE_CLIENT_ID"
	envSecret        = "AZURE_CLIENT_SECRET"
	envCertPath      = "AZURE_CLIENT_CERTIFICATE_PATH"
	envCertPassword  = "AZURE_CLIENT_CERTIFICATE_PASSWORD"
	envCertChain     = "AZURE_CLIENT_SEND_CERTIFICATE_CHAIN"
	envTokenFile     = "AZURE_FEDERATED_TOKEN_FILE"
	envPipeConn      = "AZURESUBSCRIPTION_SERVICE_CONNECTION_ID"
	envPipeClient    = "AZURESUBSCRIPTION_CLIENT_ID"
	envPipeTenant    = "AZURESUBSCRIPTION_TENANT_ID"
	envPipeToken     = "SYSTEM_ACCESSTOKEN"
	envPipeOIDC      = "SYSTEM_OIDCREQUESTURI"
	envAllowedChains = "AZURE_TOKEN_CREDENTIALS"
)

// SignInError says that this machine cannot sign in as it was told to: the
// environment lacks something, or the credential gave no token. It holds no
// secret.
type SignInError struct {
	Kind    fleet.CredentialKind
	Tenant  string   // empty: the credential's own
	Missing []string // environment variables to set
	Detail  string
}

func (e *SignInError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "cannot sign in with credential %q", e.Kind)
	if e.Tenant != "" {
		fmt.Fprintf(&b, " to tenant %s", e.Tenant)
	}
	if len(e.Missing) > 0 {
		fmt.Fprintf(&b, ": set %s", strings.Join(e.Missing, ", "))
	}
	if e.Detail != "" {
		b.WriteString(": " + e.Detail)
	}
	return b.String()
}

// credentialOptions are what a credential needs besides its kind and tenant.
type credentialOptions struct {
	// Cloud decides the authority that issues tokens. For endpoints of one's
	// own it is that of AZURE_AUTHORITY_HOST, or the public one.
	Cloud fleet.CloudName
	// Getenv reads the environment; nil means os.Getenv. The default chain,
	// which belongs to the SDK, always reads the process's own.
	Getenv func(string) string
	// Transport carries the sign-in's requests; nil means one that follows no
	// redirect and reads no more than a token takes.
	Transport policy.Transporter
	Log       func(RequestLog) // optional; the sign-in's requests
}

// newCredential returns the credential of a kind, for a tenant where one is
// given. It makes no call. What the environment lacks comes back as a
// *SignInError that names every missing variable.
//
// A managed identity has one tenant, its own: there the tenant is not used.
func newCredential(kind fleet.CredentialKind, tenant string, o credentialOptions) (azcore.TokenCredential, error) {
	kind = cmp.Or(kind, fleet.CredentialDefault)
	if o.Getenv == nil {
		o.Getenv = os.Getenv
	}
	if o.Transport == nil {
		o.Transport = signInTransport()
	}
	b := credentialBuilder{kind: kind, tenant: tenant, o: o,
		client: policy.ClientOptions{Cloud: authority(o.Cloud), Transport: o.Transport}}
	if o.Log != nil {
		b.client.PerRetryPolicies = []policy.Policy{signInLog{o.Log}}
	}
	if tenant != "" {
		b.allowed = []string{tenant}
		if own := ofTenant(tenant); (kind == fleet.CredentialServicePrincipal ||
			kind == fleet.CredentialWorkloadIdentity) && o.Getenv(envClient+own) != "" {
			b.own = own
		}
	}
	switch kind {
	case fleet.CredentialDefault:
		return b.defaultChain()
	case fleet.CredentialCLI:
		return wrap(&b)(azidentity.NewAzureCLICredential(&azidentity.AzureCLICredentialOptions{
			TenantID: tenant, AdditionallyAllowedTenants: b.allowed}))
	case fleet.CredentialManagedIdentity:
		mo := &azidentity.ManagedIdentityCredentialOptions{ClientOptions: b.client}
		if id := o.Getenv(envClient); id != "" {
			mo.ID = azidentity.ClientID(id)
		}
		return wrap(&b)(azidentity.NewManagedIdentityCredential(mo))
	case fleet.CredentialWorkloadIdentity:
		return b.workloadIdentity()
	case fleet.CredentialServicePrincipal:
		return b.servicePrincipal()
	case fleet.CredentialPipelines:
		return b.pipelines()
	}
	kinds := make([]string, 0, len(fleet.CredentialKinds()))
	for _, k := range fleet.CredentialKinds() {
		kinds = append(kinds, string(k))
	}
	return nil, b.fail("no such kind; use one of " + strings.Join(kinds, ", "))
}

func authority(n fleet.CloudName) cloud.Configuration {
	switch n {
	case fleet.AzurePublic:
		return cloud.AzurePublic
	case fleet.AzureGovernment:
		return cloud.AzureGovernment
	case fleet.AzureChina:
		return cloud.AzureChina
	}
	return cloud.Configuration{}
}

// ofTenant is what the names of a tenant's own variables end in:
// _72F988BF_86F1_41AF_91AB_2D7CD011DB47, _CONTOSO_EXAMPLE.
func ofTenant(tenant string) string {
	return "_" + strings.Map(func(r rune) rune {
		if r == '-' || r == '.' {
			return '_'
		}
		return r
	}, strings.ToUpper(tenant))
}

// tenantVariables are those that a tenant may have of its own. Where it has envClient it has
// them all: a secret belongs to one application, and is not sent in the name of another.
var tenantVariables = []string{envClient, envSecret, envCertPath, envCertPassword, envCertChain, envTokenFile}

type credentialBuilder struct {
	kind    fleet.CredentialKind
	own     string // what the names of the tenant's variables end in; empty: it has none of its own
	tenant  string
	allowed []string
	client  policy.ClientOptions
	o       credentialOptions
}

// wrap turns a constructor's result into an interface that is nil on error.
func wrap(b *credentialBuilder) func(azcore.TokenCredential, error) (azcore.TokenCredential, error) {
	return func(c azcore.TokenCredential, err error) (azcore.TokenCredential, error) {
		if err != nil {
			return nil, b.fail(err.Error())
		}
		return c, nil
	}
}

func (b *credentialBuilder) fail(detail string) error {
	return &SignInError{Kind: b.kind, Tenant: b.tenant, Detail: text.Clean(hideSignIn(detail, b.o.Getenv), 600)}
}

// name is a variable as this credential reads it, and getenv its value.
func (b *credentialBuilder) name(variable string) string {
	if slices.Contains(tenantVariables, variable) {
		variable += b.own
	}
	return variable
}

func (b *credentialBuilder) getenv(variable string) string { return b.o.Getenv(b.name(variable)) }

// need reports the variables that are not set, nil when all are.
func (b *credentialBuilder) need(names ...string) error {
	var missing []string
	for _, n := range names {
		if b.getenv(n) == "" {
			missing = append(missing, b.name(n))
		}
	}
	if missing == nil {
		return nil
	}
	return &SignInError{Kind: b.kind, Tenant: b.tenant, Missing: missing}
}

func (b *credentialBuilder) defaultChain() (azcore.TokenCredential, error) {
	c, err := azidentity.NewDefaultAzureCredential(&azidentity.DefaultAzureCredentialOptions{
		ClientOptions: b.client, TenantID: b.tenant, AdditionallyAllowedTenants: b.allowed})
	if err != nil {
		return nil, b.fail(err.Error() + " (" + envAllowedChains + " narrows the chain)")
	}
	if b.tenant == "" {
		return c, nil
	}
	return &tenantCredential{c, b.tenant}, nil
}

// tenantCredential asks for tokens of one tenant. Parts of the default chain
// (the service principal of the environment) take the tenant only that way.
type tenantCredential struct {
	azcore.TokenCredential
	tenant string
}

func (c *tenantCredential) GetToken(ctx context.Context, o policy.TokenRequestOptions) (azcore.AccessToken, error) {
	o.TenantID = c.tenant
	return c.TokenCredential.GetToken(ctx, o)
}

func (b *credentialBuilder) workloadIdentity() (azcore.TokenCredential, error) {
	names := []string{envClient, envTokenFile}
	if b.tenant == "" {
		names = append(names, envTenant)
	}
	if err := b.need(names...); err != nil {
		return nil, err
	}
	return wrap(b)(azidentity.NewWorkloadIdentityCredential(&azidentity.WorkloadIdentityCredentialOptions{
		ClientOptions: b.client, ClientID: b.getenv(envClient), TenantID: b.tenantOr(envTenant),
		TokenFilePath: b.getenv(envTokenFile), AdditionallyAllowedTenants: b.allowed}))
}

func (b *credentialBuilder) tenantOr(env string) string {
	if b.tenant != "" {
		return b.tenant
	}
	return b.getenv(env)
}

// servicePrincipal builds from the environment's variables itself, as the SDK's
// environment credential takes no other tenant than AZURE_TENANT_ID.
func (b *credentialBuilder) servicePrincipal() (azcore.TokenCredential, error) {
	names := []string{envClient}
	if b.tenant == "" {
		names = append(names, envTenant)
	}
	secret, path := b.getenv(envSecret), b.getenv(envCertPath)
	if err := b.need(names...); err != nil || secret == "" && path == "" {
		e := &SignInError{Kind: b.kind, Tenant: b.tenant}
		if err != nil {
			e = err.(*SignInError)
		}
		if secret == "" && path == "" {
			e.Missing = append(e.Missing, b.name(envSecret)+" or "+b.name(envCertPath))
		}
		return nil, e
	}
	tenant, client := b.tenantOr(envTenant), b.getenv(envClient)
	if secret != "" {
		return wrap(b)(azidentity.NewClientSecretCredential(tenant, client, secret,
			&azidentity.ClientSecretCredentialOptions{ClientOptions: b.client, AdditionallyAllowedTenants: b.allowed}))
	}
	pem, err := os.ReadFile(path)
	if err != nil {
		return nil, b.fail(fmt.Sprintf("%s: %v", b.name(envCertPath), err))
	}
	certs, key, err := azidentity.ParseCertificates(pem, []byte(b.getenv(envCertPassword)))
	if err != nil {
		return nil, b.fail(fmt.Sprintf("%s %q holds no usable certificate with its key (is %s right?)",
			b.name(envCertPath), path, b.name(envCertPassword)))
	}
	chain := strings.ToLower(b.getenv(envCertChain))
	return wrap(b)(azidentity.NewClientCertificateCredential(tenant, client, certs, key,
		&azidentity.ClientCertificateCredentialOptions{ClientOptions: b.client, AdditionallyAllowedTenants: b.allowed,
			SendCertificateChain: chain == "1" || chain == "true"}))
}

func (b *credentialBuilder) pipelines() (azcore.TokenCredential, error) {
	names := []string{envPipeConn, envPipeClient, envPipeToken, envPipeOIDC}
	if b.tenant == "" {
		names = append(names, envPipeTenant)
	}
	if err := b.need(names...); err != nil {
		return nil, err
	}
	return wrap(b)(azidentity.NewAzurePipelinesCredential(b.tenantOr(envPipeTenant), b.getenv(envPipeClient),
		b.getenv(envPipeConn), b.getenv(envPipeToken),
		&azidentity.AzurePipelinesCredentialOptions{ClientOptions: b.client, AdditionallyAllowedTenants: b.allowed}))
}
