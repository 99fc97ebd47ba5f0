package state

import (
	"bytes"
	"compress/flate"
	"io"
	"slices"

	"go.etcd.io/bbolt"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
)

// The signed addresses of operations that are under way stand in a bucket of
// their own, which ledgers without one do not have. The journal has their hash
// (fleet.Operation.Seal), so that it can be shown and handed on while it proves
// what they were; and they go when the operation is over, so that a ledger has
// room for as many as are followed at once and not for every one there ever was.
var bucketAddresses = []byte("addresses")

// maxAddresses is how long an operation's addresses may be together. Those of the
// recordings have 7.4 KB. Of one with longer ones only the vault can tell after a
// crash.
const maxAddresses = 24 << 10

// address is what is to become of a vault's addresses: nil takes them away.
type address struct{ key, value []byte }

// addressesOf finds the addresses in a batch, and the vaults that are done with
// theirs.
func addressesOf(events []fleet.Event, vaults []fleet.VaultRecord) ([]address, error) {
	var found []address
	put := func(vault fleet.Key, o *fleet.Operation) error {
		if o == nil {
			return nil
		}
		_, key := o.Seal()
		if len(key) == 0 || len(key) > maxAddresses {
			return nil
		}
		packed, err := deflate(key)
		found = append(found, address{[]byte(vault), packed})
		return err
	}
	for _, e := range events {
		switch f := e.Fact.(type) {
		case fleet.StartAnswered:
			if err := put(f.Vault, f.Answer.Operation); err != nil {
				return nil, err
			}
		case fleet.RunOpened:
			for _, c := range f.Carried {
				if err := put(c.Vault, c.Operation); err != nil {
					return nil, err
				}
			}
		}
	}
	// Of several records of a vault the last one stands.
	seen := map[fleet.Key]bool{}
	for _, v := range slices.Backward(vaults) {
		if !seen[v.Vault] && !mayBeFollowed(v.Status) {
			found = append(found, address{key: []byte(v.Vault)})
		}
		seen[v.Vault] = true
	}
	return found, nil
}

// mayBeFollowed reports whether an operation may still be asked for a vault with
// this status, in this run or in a later one.
func mayBeFollowed(s fleet.Status) bool {
	return s == fleet.Starting || s == fleet.Upgrading || s == fleet.Unknown
}

// putAddresses does what addressesOf has found.
func putAddresses(tx *bbolt.Tx, addresses []address) error {
	b := tx.Bucket(bucketAddresses)
	for _, a := range addresses {
		var err error
		switch {
		case a.value != nil && b == nil:
			if b, err = tx.CreateBucket(bucketAddresses); err == nil {
				err = b.Put(a.key, a.value)
			}
		case a.value != nil:
			err = b.Put(a.key, a.value)
		case b != nil:
			err = b.Delete(a.key)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// open gives the operations in a fact their addresses back, where the ledger still
// has them. Of one that it has no more, or has changed, only the vault can tell.
func (r *Reader) open(e fleet.Event) error {
	switch f := e.Fact.(type) {
	case fleet.StartAnswered:
		return r.openOne(f.Vault, f.Answer.Operation)
	case fleet.RunOpened:
		for _, c := range f.Carried {
			if err := r.openOne(c.Vault, c.Operation); err != nil {
				return err
			}
		}
	}
	return nil
}

// Opened is an operation with its addresses, where the ledger still has them, as Events
// hands it over. The one that is given stays as it is.
func (r *Reader) Opened(vault fleet.Key, o *fleet.Operation) (*fleet.Operation, error) {
	if o == nil || o.Sealed == "" {
		return o, nil
	}
	opened := *o
	return &opened, r.openOne(vault, &opened)
}

func (r *Reader) openOne(vault fleet.Key, o *fleet.Operation) error {
	if o == nil || o.Sealed == "" {
		return nil
	}
	packed, err := r.get(bucketAddresses, string(vault))
	if err == nil && packed != nil {
		if key, err := inflate(packed); err == nil {
			o.Open(key)
		}
	}
	return err
}

// ScanAddresses hands every stored address to fn with the key it is stored under,
// unchecked: nil where it cannot be read. An error of fn ends it and is returned.
func (r *Reader) ScanAddresses(fn func(vault string, key []byte) error) error {
	return r.each(bucketAddresses, func(e entry) error {
		key, err := inflate(e.value)
		if err != nil {
			key = nil
		}
		return fn(string(e.key), key)
	})
}

// deflate packs addresses: two of one operation have the most in common.
func deflate(b []byte) ([]byte, error) {
	var out bytes.Buffer
	z, err := flate.NewWriter(&out, flate.DefaultCompression)
	if err != nil {
		return nil, err
	}
	if _, err := z.Write(b); err != nil {
		return nil, err
	}
	err = z.Close()
	return out.Bytes(), err
}

func inflate(packed []byte) ([]byte, error) {
	return io.ReadAll(io.LimitReader(flate.NewReader(bytes.NewReader(packed)), maxAddresses+1))
}
