package arm

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/fleetup-dev/fleetup/pkg/fleet"
)

// bounds of a list.
type bounds struct {
	pages, bytes int
	time         time.Duration
}

// usualBounds are more pages and bytes than any list has that is asked for here, and
// more time than any takes. Who makes up one page after the other, or sends each of
// them slowly, holds nothing up for ever.
var usualBounds = bounds{1000, 64 << 20, 10 * time.Minute}

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
	return listWithin[T](ctx, u, subscription, op, path, usualBounds)
}

func listWithin[T any](ctx context.Context, u *Upgrader, subscription, op, path string, most bounds) (all []T, found bool, err error) {
	seen, bytes := map[string]bool{}, 0
	ctx, cancel := context.WithTimeoutCause(ctx, most.time, fmt.Errorf("its list does not end within %v", most.time))
	defer cancel()
	for pages := 1; ; pages++ {
		var page struct {
			Value    []T    `json:"value"`
			NextLink string `json:"nextLink"`
		}
		resp, found, err := u.Get(ctx, subscription, op, path, &page)
		if err != nil || !found && pages == 1 {
			return nil, false, err
		}
		all = append(all, page.Value...)
		bytes += len(resp.Body)
		if found && page.NextLink == "" {
			return all, true, nil
		}
		seen[path] = true
		next, err := u.ResourceManager.PathOf(page.NextLink)
		switch {
		case !found:
			err = errors.New("it is not there")
		case err != nil:
		case seen[next]:
			err = errors.New("it was read before")
		case bytes > most.bytes:
			err = fmt.Errorf("%d MB are more than such a list has", bytes>>20)
		case pages == most.pages:
			err = fmt.Errorf("%d pages are more than such a list has", most.pages)
		}
		if err != nil { // half a list is none
			return nil, false, &fleet.CallError{Op: op, Class: fleet.CallGarbled, Message: "its next page is not read: " + err.Error(),
				RequestID: resp.RequestID, ClientRequestID: resp.ClientRequestID}
		}
		path = next
	}
}
