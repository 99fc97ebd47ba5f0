package state

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
)

// Hash is a link of the journal's chain.
type Hash [sha256.Size]byte

// String returns the hash in lower-case hex.
func (h Hash) String() string { return hex.EncodeToString(h[:]) }

// Link returns the hash of an event: SHA-256 over the hash of the event before
// it, its sequence number as eight bytes, big-endian, and its bytes as stored.
// The event before the first is the ledger's identity: Genesis.
func Link(prev Hash, seq uint64, event []byte) Hash {
	d := sha256.New()
	d.Write(prev[:])
	d.Write(seqKey(seq))
	d.Write(event)
	return Hash(d.Sum(nil))
}

// Genesis returns the hash that the chain of a ledger starts from: SHA-256
// over its identity as stored, so two ledgers never share a chain.
func Genesis(identity []byte) Hash { return sha256.Sum256(identity) }

// seqKey is a number as a key whose byte order is the numbers' order.
func seqKey(n uint64) []byte { return binary.BigEndian.AppendUint64(nil, n) }
