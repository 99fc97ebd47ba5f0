package arm

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
)

// A list has bounds: more pages and bytes than any has that is asked for here, and
// more time than any takes. Who makes up one page after the other, or sends each of
// them slowly, holds nothing up for ever.
const (
	maxPages = 1000
	maxBytes = 64 << 20
	listTime = 10 * time.Minute
)

// List reads a list of the Resource Manager to its end: a page may be empty and
// have another behind it. There is nothing on a list that is not there. The path
// is percent-encoded.
func List[T any](ctx context.Context, u *Upgrader, subscription, op, path string) ([]T, error) {
	all, _, err := ListIfAny[T](ctx, u, subscription, op, path)
	return all, err
}

// ListIfAny is List that tells a list which is not there (the Resource Manager's
// 404; found is false) from an empty one.
func ListIfAny[T any](ctx context.Context, u *Upgrader, subscription, op, path string) (all []T, found bool, err error) {
	seen, bytes := map[string]bool{}, 0
	ctx, cancel := context.WithTimeoutCause(ctx, listTime, fmt.Errorf("its list does not end within %v", listTime))
	defer cancel()
	for pages := 1; ; pages++ {
		var page struct {
			Value    []T    `json:"value"`
			NextLink string `json:"nextLink"`
		}
		resp, found, err := u.Get(ctx, subscription, op, path, &page)
		if err != nil || !found {
			return all, false, err
		}
		all = append(all, page.Value...)
		bytes += len(resp.Body)
		if page.NextLink == "" {
			return all, true, nil
		}
		seen[path] = true
		path, err = u.ResourceManager.PathOf(page.NextLink)
		switch {
		case err != nil:
		case seen[path]:
			err = errors.New("it was read before")
		case bytes > maxBytes:
			err = fmt.Errorf("%d MB are more than such a list has", bytes>>20)
		case pages == maxPages:
			err = fmt.Errorf("%d pages are more than such a list has", maxPages)
		}
		if err != nil { // half a list is none
			return nil, false, &fleet.CallError{Op: op, Class: fleet.CallGarbled, Message: "its next page is not read: " + err.Error(),
				RequestID: resp.RequestID, ClientRequestID: resp.ClientRequestID}
		}
	}
}
