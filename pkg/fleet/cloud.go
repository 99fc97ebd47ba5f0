package fleet

// CloudName names a cloud whose endpoints are known.
type CloudName string

// The clouds (classic-service.md#endpoints-and-headers), the emulator, and endpoints of one's own.
const (
	AzurePublic     CloudName = "AzurePublic"
	AzureGovernment CloudName = "AzureGovernment"
	AzureChina      CloudName = "AzureChina"
	Emulator        CloudName = "Emulator"
	CustomCloud     CloudName = "Custom"
)

// Cloud says where the two sides answer. The endpoints of CloudName Emulator
// are empty until it listens.
type Cloud struct {
	Name              CloudName `json:"name"`
	ServiceManagement string    `json:"serviceManagement,omitempty"` // base URL, no trailing slash
	ResourceManager   string    `json:"resourceManager,omitempty"`   // base URL, no trailing slash
}

// KnownCloud returns a cloud by its name; names are
// exact.
func KnownCloud(n CloudName) (Cloud, bool) {
	switch n {
	case AzurePublic:
		return Cloud{n, "https://management.core.windows.net", "https://management.azure.com"}, true
	case AzureGovernment:
		return Cloud{n, "https://management.core.usgovcloudapi.net", "https://management.usgovcloudapi.net"}, true
	case AzureChina:
		return Cloud{n, "https://management.core.chinacloudapi.cn", "https://management.chinacloudapi.cn"}, true
	case Emulator:
		return Cloud{Name: n}, true
	}
	return Cloud{}, false
}

// CredentialKind names a way to sign in.
type CredentialKind string

// The ways to sign in. Default is the chain of the Azure SDK, which honours
// AZURE_TOKEN_CREDENTIALS.
const (
	CredentialDefault          CredentialKind = "default"
	CredentialCLI              CredentialKind = "cli"
	CredentialManagedIdentity  CredentialKind = "managed-identity"
	CredentialWorkloadIdentity CredentialKind = "workload-identity"
	CredentialServicePrincipal CredentialKind = "service-principal"
	CredentialPipelines        CredentialKind = "pipelines"
)

// CredentialKinds lists the ways to sign in.
func CredentialKinds() []CredentialKind {
	return []CredentialKind{CredentialDefault, CredentialCLI, CredentialManagedIdentity,
		CredentialWorkloadIdentity, CredentialServicePrincipal, CredentialPipelines}
}

// Credentials picks a sign-in for each of the two sides. Empty means default.
type Credentials struct {
	ServiceManagement CredentialKind `json:"serviceManagement,omitempty"`
	ResourceManager   CredentialKind `json:"resourceManager,omitempty"`
}
