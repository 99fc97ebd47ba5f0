package azure

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"

	"github.com/fleetup-dev/fleetup/pkg/azure/internal/text"
	"github.com/fleetup-dev/fleetup/pkg/fleet"
)

// SignIn signs in to a tenant and says as whom. A sign-in that fails is a
// finding. The token is kept for the calls that follow, and never shown.
func (s *APIClients) SignIn(ctx context.Context, tenant string) fleet.SignIn {
	in := fleet.SignIn{Side: s.name, Tenant: tenant, Credential: s.kind}
	if s.endpoint.Plain() {
		in.Tenant = "" // one client serves all
	}
	c, err := s.Client(tenant)
	if err == nil {
		in.Identity, err = c.identity(ctx)
	}
	if err != nil {
		if e, ok := errors.AsType[*SignInError](err); ok {
			err = e // the call it was for says nothing more
		}
		in.Findings = append(in.Findings, fleet.Finding{Severity: fleet.SeverityError, Code: fleet.CodeNotSignedIn,
			Message: text.Clean(err.Error(), text.MaxMessage),
			Action: "Sign in (with the Azure CLI: az login), or choose another sign-in with --credential or in the " +
				"inventory."})
		return in
	}
	if got := in.Identity.Tenant; isGUID(got) && isGUID(tenant) && !strings.EqualFold(got, tenant) {
		in.Findings = append(in.Findings, fleet.Finding{Severity: fleet.SeverityWarning, Code: fleet.CodeOtherTenant,
			Message: "the token is of tenant " + got + ", and the inventory asks for " + tenant,
			Action:  "Check the subscription's tenant in the inventory. A managed identity has one tenant, its own."})
	}
	return in
}

// isGUID keeps domains, which name tenants too, from being compared.
func isGUID(s string) bool {
	_, err := fleet.NormalizeGUID(s)
	return err == nil
}

// identity signs in and reads the token.
func (c *Client) identity(ctx context.Context) (fleet.Identity, error) {
	tok, err := c.tokens.token(ctx, "sign in")
	if err != nil {
		return fleet.Identity{}, err
	}
	if c.tokens.fixed != "" {
		return fleet.Identity{Fixed: true}, nil
	}
	id := readIdentity(tok.Token)
	id.ValidUntil = tok.ExpiresOn.UTC()
	id.Renewal, id.Renews = renewal(c.o.Kind)
	if id.Type == fleet.IdentityUnknown && neverUser(c.o.Kind) {
		id.Type = fleet.IdentityApp
	}
	return id, nil
}

// claims are what a token says of whom it was given to. The names differ by
// the token's version.
type claims struct {
	UPN               string `json:"upn"`
	PreferredUsername string `json:"preferred_username"`
	UniqueName        string `json:"unique_name"`
	ObjectID          string `json:"oid"`
	AppID             string `json:"appid"`
	AZP               string `json:"azp"`
	Type              string `json:"idtyp"`
	Tenant            string `json:"tid"`
	Scope             string `json:"scp"`
}

// maxToken bounds what is decoded. Real tokens have a few thousand characters.
const maxToken = 64 << 10

// readIdentity reads who a token was given to, as far as it is a JSON Web Token
// and says so. It verifies nothing: the token is for somebody else, and the
// identity is only shown. An opaque token gives an empty identity.
func readIdentity(token string) fleet.Identity {
	var c claims
	parts := strings.Split(token, ".")
	if len(parts) != 3 || len(token) > maxToken {
		return fleet.Identity{}
	}
	payload, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(parts[1], "="))
	if err != nil {
		return fleet.Identity{}
	}
	// A claim of another type than text leaves the others readable.
	if err := json.Unmarshal(bytes.TrimSpace(payload), &c); err != nil {
		if _, ok := errors.AsType[*json.UnmarshalTypeError](err); !ok {
			return fleet.Identity{}
		}
	}
	show := func(names ...string) string {
		for _, s := range names {
			if s = text.Clean(s, text.MaxID); s != "" {
				return s
			}
		}
		return ""
	}
	id := fleet.Identity{Name: show(c.UPN, c.PreferredUsername, c.UniqueName), ObjectID: show(c.ObjectID),
		ApplicationID: show(c.AppID, c.AZP), Tenant: show(c.Tenant)}
	switch {
	case c.Type == "user":
		id.Type = fleet.IdentityUser
	case c.Type == "app":
		id.Type = fleet.IdentityApp
	case c.Type != "":
	case c.Scope != "" || id.Name != "": // given to an application on behalf of a user
		id.Type = fleet.IdentityUser
	case id.ApplicationID != "":
		id.Type = fleet.IdentityApp
	}
	return id
}

// neverUser tells the kinds that sign in as an application whatever happens.
func neverUser(k fleet.CredentialKind) bool {
	switch k {
	case fleet.CredentialManagedIdentity, fleet.CredentialWorkloadIdentity, fleet.CredentialServicePrincipal,
		fleet.CredentialPipelines:
		return true
	}
	return false
}

// renewal says what is known of a kind's next tokens, and whether they come
// without anybody's doing for as long as a night takes.
func renewal(k fleet.CredentialKind) (says string, certain bool) {
	switch k {
	case fleet.CredentialCLI:
		return "The Azure CLI renews it by itself while its own sign-in holds; how long that is, is not known here.",
			true
	case fleet.CredentialManagedIdentity:
		return "The machine's managed identity renews it by itself.", true
	case fleet.CredentialWorkloadIdentity:
		return "It is renewed by itself from the federated token's file, which the platform keeps fresh.", true
	case fleet.CredentialServicePrincipal:
		return "It is renewed by itself while the secret or certificate is valid; how long that is, is not known here.",
			true
	case fleet.CredentialPipelines:
		return "It is renewed only while the pipeline's job may ask for tokens.", false
	}
	return "Whether it is renewed depends on which sign-in of the default chain gave it, which is not known here.",
		false
}
