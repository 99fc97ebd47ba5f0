package azure

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
)

const (
	testTenant   = "72f988bf-86f1-41af-91ab-2d7cd011db47"
	ofTestTenant = "_72F988BF_86F1_41AF_91AB_2D7CD011DB47"
)

func TestNewCredential(t *testing.T) {
	// Not parallel: the SDK reads these from the process's environment.
	t.Setenv("SYSTEM_OIDCREQUESTURI", "https://pipelines.example/oidc")
	t.Setenv("AZURE_TOKEN_CREDENTIALS", "")
	full := map[string]string{
		"AZURE_TENANT_ID": testTenant, "AZURE_CLIENT_ID": "client", "AZURE_CLIENT_SECRET": "hunter2",
		"AZURE_FEDERATED_TOKEN_FILE":              "/nowhere/token",
		"AZURESUBSCRIPTION_SERVICE_CONNECTION_ID": "conn", "AZURESUBSCRIPTION_CLIENT_ID": "client",
		"AZURESUBSCRIPTION_TENANT_ID": testTenant, "SYSTEM_ACCESSTOKEN": "hunter2",
		"SYSTEM_OIDCREQUESTURI": "https://pipelines.example/oidc",
	}
	without := func(names ...string) map[string]string {
		m := map[string]string{}
		for k, v := range full {
			m[k] = v
		}
		for _, n := range names {
			delete(m, n)
		}
		return m
	}
	with := func(m map[string]string, k, v string) map[string]string { m[k] = v; return m }
	theirs := func(suffix string) map[string]string {
		return map[string]string{"AZURE_CLIENT_ID" + suffix: "theirs", "AZURE_CLIENT_SECRET" + suffix: "hunter3"}
	}
	tests := []struct {
		name    string
		kind    fleet.CredentialKind
		tenant  string
		env     map[string]string
		typ     string // of the credential
		missing string
		detail  string
	}{
		{"cli", fleet.CredentialCLI, testTenant, nil, "*azidentity.AzureCLICredential", "", ""},
		{"cli, bad tenant", fleet.CredentialCLI, "no tenant!", nil, "", "", "tenant"},
		{"managed identity", fleet.CredentialManagedIdentity, "", nil, "*azidentity.ManagedIdentityCredential", "", ""},
		{"managed identity of the user's", fleet.CredentialManagedIdentity, testTenant, full,
			"*azidentity.ManagedIdentityCredential", "", ""},
		{"workload identity", fleet.CredentialWorkloadIdentity, "", full, "*azidentity.WorkloadIdentityCredential", "",
			""},
		{"workload identity, nothing set", fleet.CredentialWorkloadIdentity, "", nil, "",
			"AZURE_CLIENT_ID, AZURE_FEDERATED_TOKEN_FILE, AZURE_TENANT_ID", ""},
		{"workload identity, tenant given", fleet.CredentialWorkloadIdentity, testTenant, without("AZURE_TENANT_ID"),
			"*azidentity.WorkloadIdentityCredential", "", ""},
		{"service principal, secret", fleet.CredentialServicePrincipal, "", full, "*azidentity.ClientSecretCredential",
			"", ""},
		{"service principal, tenant given", fleet.CredentialServicePrincipal, testTenant, without("AZURE_TENANT_ID"),
			"*azidentity.ClientSecretCredential", "", ""},
		{"service principal, nothing set", fleet.CredentialServicePrincipal, "", nil, "",
			"AZURE_CLIENT_ID, AZURE_TENANT_ID, AZURE_CLIENT_SECRET or AZURE_CLIENT_CERTIFICATE_PATH", ""},
		{"service principal, neither proof", fleet.CredentialServicePrincipal, "", without("AZURE_CLIENT_SECRET"), "",
			"AZURE_CLIENT_SECRET or AZURE_CLIENT_CERTIFICATE_PATH", ""},
		{"service principal, no such certificate", fleet.CredentialServicePrincipal, "",
			with(without("AZURE_CLIENT_SECRET"), "AZURE_CLIENT_CERTIFICATE_PATH", "/nowhere/c.pem"), "", "",
			"/nowhere/c.pem"},
		{"service principal of a tenant's own", fleet.CredentialServicePrincipal, testTenant,
			theirs(ofTestTenant),
			"*azidentity.ClientSecretCredential", "", ""},
		{"service principal of another tenant's own", fleet.CredentialServicePrincipal, "contoso.example",
			theirs(ofTestTenant),
			"", "AZURE_CLIENT_ID, AZURE_CLIENT_SECRET or AZURE_CLIENT_CERTIFICATE_PATH", ""},
		{"service principal of a domain's own", fleet.CredentialServicePrincipal, "contoso.example",
			theirs("_CONTOSO_EXAMPLE"),
			"*azidentity.ClientSecretCredential", "", ""},
		// The secret of one application is not sent in the name of another.
		{"service principal of a tenant's own, without its secret", fleet.CredentialServicePrincipal, testTenant,
			with(without(), "AZURE_CLIENT_ID"+ofTestTenant, "theirs"), "",
			"AZURE_CLIENT_SECRET" + ofTestTenant + " or AZURE_CLIENT_CERTIFICATE_PATH" + ofTestTenant, ""},
		{"workload identity of a tenant's own, without its file", fleet.CredentialWorkloadIdentity, testTenant,
			with(without(), "AZURE_CLIENT_ID"+ofTestTenant, "theirs"), "",
			"AZURE_FEDERATED_TOKEN_FILE" + ofTestTenant, ""},
		{"pipelines", fleet.CredentialPipelines, "", full, "*azidentity.AzurePipelinesCredential", "", ""},
		{"pipelines, nothing set", fleet.CredentialPipelines, "", nil, "",
			"AZURESUBSCRIPTION_SERVICE_CONNECTION_ID, AZURESUBSCRIPTION_CLIENT_ID, SYSTEM_ACCESSTOKEN, " +
				"SYSTEM_OIDCREQUESTURI, AZURESUBSCRIPTION_TENANT_ID", ""},
		{"unknown", "password", "", nil, "", "", "use one of default, cli"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c, err := newCredential(tt.kind, tt.tenant,
				credentialOptions{Cloud: fleet.AzurePublic, Getenv: func(n string) string { return tt.env[n] }})
			if tt.typ != "" {
				if got := fmt.Sprintf("%T", c); err != nil || got != tt.typ {
					t.Fatalf("got %s, %v", got, err)
				}
				return
			}
			se, ok := errors.AsType[*SignInError](err)
			if !ok || c != nil {
				t.Fatalf("got %v, %v; want a SignInError", c, err)
			}
			if got := strings.Join(se.Missing, ", "); got != tt.missing || !strings.Contains(se.Error(), tt.missing) ||
				!strings.Contains(se.Detail, tt.detail) {
				t.Errorf("missing %q, error %q", got, se)
			}
			if strings.Contains(err.Error(), "hunter2") {
				t.Errorf("a secret in %q", err)
			}
		})
	}
}

func TestDefaultChain(t *testing.T) {
	t.Setenv("AZURE_TOKEN_CREDENTIALS", "AzureCLICredential")
	c, err := newCredential("", "", credentialOptions{Cloud: fleet.AzureGovernment})
	if _, ok := c.(*azidentity.DefaultAzureCredential); err != nil || !ok {
		t.Fatalf("got %T, %v", c, err)
	}
	c, err = newCredential(fleet.CredentialDefault, testTenant, credentialOptions{})
	if tc, ok := c.(*tenantCredential); err != nil || !ok || tc.tenant != testTenant {
		t.Fatalf("got %T, %v", c, err)
	}
	t.Setenv("AZURE_TOKEN_CREDENTIALS", "nonsense")
	_, err = newCredential(fleet.CredentialDefault, "", credentialOptions{})
	if err == nil || !strings.Contains(err.Error(), "AZURE_TOKEN_CREDENTIALS") {
		t.Fatalf("AZURE_TOKEN_CREDENTIALS is not honoured: %v", err)
	}
}

// The chain's parts take the tenant from the token request.
func TestTenantCredential(t *testing.T) {
	t.Parallel()
	var got string
	c := &tenantCredential{tokenFunc(func(_ context.Context, o policy.TokenRequestOptions) (azcore.AccessToken, error) {
		got = o.TenantID
		return azcore.AccessToken{}, nil
	}), testTenant}
	if _, err := c.GetToken(t.Context(), policy.TokenRequestOptions{}); err != nil || got != testTenant {
		t.Errorf("asked for tenant %q, %v", got, err)
	}
}

func TestServicePrincipalCertificate(t *testing.T) {
	t.Parallel()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	tmpl := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	good, bad := filepath.Join(t.TempDir(), "good.pem"), filepath.Join(t.TempDir(), "bad.pem")
	both := append(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8}),
		pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})...)
	if err := errors.Join(os.WriteFile(good, both, 0o600), os.WriteFile(bad, []byte("hunter2"), 0o600)); err != nil {
		t.Fatal(err)
	}
	get := func(path string) (azcore.TokenCredential, error) {
		env := map[string]string{"AZURE_TENANT_ID": testTenant, "AZURE_CLIENT_ID": "client",
			"AZURE_CLIENT_CERTIFICATE_PATH": path}
		return newCredential(fleet.CredentialServicePrincipal, "",
			credentialOptions{Getenv: func(n string) string { return env[n] }})
	}
	if c, err := get(good); err != nil {
		t.Errorf("got %T, %v", c, err)
	}
	if _, err := get(bad); err == nil || !strings.Contains(err.Error(), bad) ||
		strings.Contains(err.Error(), "hunter2") {
		t.Errorf("got %v", err)
	}
}

func TestAuthorityOfEachCloud(t *testing.T) {
	t.Parallel()
	for name, want := range map[fleet.CloudName]string{
		fleet.AzurePublic:     "https://login.microsoftonline.com/",
		fleet.AzureGovernment: "https://login.microsoftonline.us/",
		fleet.AzureChina:      "https://login.chinacloudapi.cn/", fleet.CustomCloud: "",
	} {
		if got := authority(name).ActiveDirectoryAuthorityHost; got != want {
			t.Errorf("%s: %q", name, got)
		}
	}
}
