package emulator

import (
	"crypto/sha256"
	"encoding/base32"
	"encoding/binary"
	"encoding/hex"
	"net/url"
	"strconv"
	"strings"
)

// Whatever looks like chance is a hash of the seed and of what it is about,
// never a stream of random numbers: requests come in any order, and the same
// scenario must do the same to the same vault (design.md#the-emulator).

func digest(seed int64, parts []string) [sha256.Size]byte {
	h := sha256.New()
	h.Write(strconv.AppendInt(nil, seed, 10))
	for _, p := range parts {
		h.Write([]byte{0})
		h.Write([]byte(p))
	}
	return [sha256.Size]byte(h.Sum(nil))
}

// share returns a number from 0 up to but without 1.
func share(seed int64, parts ...string) float64 {
	d := digest(seed, parts)
	return float64(binary.BigEndian.Uint64(d[:8])>>11) / (1 << 53)
}

// guid returns an identifier in the form of a GUID.
func guid(seed int64, parts ...string) string {
	d := digest(seed, parts)
	d[6], d[8] = d[6]&0x0f|0x40, d[8]&0x3f|0x80
	s := hex.EncodeToString(d[:16])
	return s[:8] + "-" + s[8:12] + "-" + s[12:16] + "-" + s[16:20] + "-" + s[20:]
}

// serviceName is the name of the cloud service that holds the vaults of a
// subscription in a region (classic-service.md#the-listing). Clients must read it, not build it.
func serviceName(subscriptionID, location string) string {
	d := digest(0, []string{"cloud service", subscriptionID, normalize(location)})
	hash := base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(d[:20])
	return "RecoveryServices-" + hash + "-" + strings.Join(strings.Fields(location), "-")
}

// vaultKey identifies a vault: its parts in lower case, each escaped so that a
// slash in a name cannot make another vault's key.
func vaultKey(v Vault) string {
	part := func(s string) string { return url.PathEscape(strings.ToLower(s)) }
	return v.SubscriptionID + "/" + part(v.ResourceType) + "/" + part(normalize(v.Location)) + "/" + part(v.Name)
}
