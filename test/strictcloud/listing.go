package strictcloud

import (
	"fmt"
	"net/http"
	"time"

	"github.com/fleetup-dev/fleetup/test/strict"
)

// ListingFault is what one listing of a subscription meets.
type ListingFault struct {
	name  string
	reply func(sub *SubscriptionHandle, in *request, whole string) answer
}

// Faults of a listing. None of these is a complete reading: none proves
// anything.
var (
	ListingUnavailable = ListingFault{"503", func(*SubscriptionHandle, *request, string) answer {
		return strict.Plain(http.StatusServiceUnavailable)
	}}
	// ListingCutXML answers 200 with the first half of the document.
	ListingCutXML = ListingFault{"half a document", func(_ *SubscriptionHandle, _ *request, whole string) answer {
		return xmlAnswer(http.StatusOK, whole[:len(whole)/2])
	}}
	// ListingTruncated breaks the connection in the middle of the body.
	ListingTruncated = ListingFault{"truncated body", func(_ *SubscriptionHandle, _ *request, whole string) answer {
		a := xmlAnswer(http.StatusOK, whole)
		a.Cut = strict.CutTruncate
		return a
	}}
	// ListingLoginPage answers 200 with a page of HTML.
	ListingLoginPage = ListingFault{"login page", func(*SubscriptionHandle, *request, string) answer {
		return strict.HTML(http.StatusOK, "Sign in to your account")
	}}
	ListingEmpty = ListingFault{"empty body", func(*SubscriptionHandle, *request, string) answer {
		return xmlAnswer(http.StatusOK, "")
	}}
	ListingReset = ListingFault{"reset", func(*SubscriptionHandle, *request, string) answer { return strict.Reset() }}
	ListingHang  = ListingFault{"no answer",
		func(*SubscriptionHandle, *request, string) answer { return strict.Hang() }}
)

// ListingThrottle answers 429; the next listing may come after d, rounded up
// to seconds.
func ListingThrottle(d time.Duration) ListingFault {
	return ListingFault{"429", func(sub *SubscriptionHandle, in *request, _ string) answer {
		a, until := errorAnswer(in, http.StatusTooManyRequests, "TooManyRequests", "Slow down.").RetryAfter(in.Now, d)
		sub.listNotUntil = until
		return a
	}}
}

// ListingSlow answers completely after d, as it was when asked.
func ListingSlow(d time.Duration) ListingFault {
	return ListingFault{"slow", func(_ *SubscriptionHandle, _ *request, whole string) answer {
		a := xmlAnswer(http.StatusOK, whole).AsGood()
		a.Delay = d
		return a
	}}
}

// list answers GET /{subscriptionId}/cloudservices (classic-service.md#the-listing).
func (s *Server) list(in *request) answer {
	sub := in.sub
	if early := sub.listNotUntil.Sub(in.Now); early > clockSlack {
		in.Problem("%v before Retry-After was over", early.Round(time.Millisecond))
	}
	sub.listings = append(sub.listings, in.Now)
	for _, v := range sub.vaults {
		v.beginForeign(in.Now)
	}
	whole := sub.render(in.Now, len(sub.listings))
	if sub.firstListing == "" {
		sub.firstListing = whole
	}
	a := xmlAnswer(http.StatusOK, whole).AsGood()
	if len(sub.listScript) > 0 {
		fault := sub.listScript[0]
		sub.listScript = sub.listScript[1:]
		a = fault.reply(sub, in, whole)
	}
	if !a.Good {
		return a
	}
	sub.listed, sub.listedAt = true, in.Now
	for _, v := range sub.vaults {
		if !v.hidden(in.Now) && v.next == afterLost {
			v.absentListing = append(v.absentListing, in.Now)
		}
	}
	return a
}

func (v *VaultHandle) hidden(now time.Time) bool {
	return v.absent || now.Before(v.hiddenUntil)
}

// render writes the listing. Each number gives another legal spelling of the
// same content: prefixes, a byte order mark, comments, character data
// sections, elements that nobody knows.
func (h *SubscriptionHandle) render(now time.Time, number int) string {
	spelling := number % 4
	x := newXML(spelling == 1)
	x.pretty = spelling == 2
	switch spelling {
	case 0:
		x.raw(`<?xml version="1.0" encoding="utf-8"?>`)
	case 2:
		x.raw("\ufeff<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"yes\"?>\r\n<!-- listing <CloudServices> -->")
	}
	x.root("CloudServices", nsAzure)
	for i, c := range h.services {
		h.renderService(x, c, i, spelling, now)
	}
	x.open("CloudService") // a service without a resource
	x.leaf("Name", "Empty-Service")
	x.null("Label")
	x.leaf("GeoRegion", "West US")
	if spelling%2 == 0 {
		x.leaf("Resources", "")
	} else {
		x.null("Resources")
	}
	x.close("CloudService")
	if len(h.vaults) > 0 {
		h.renderDecoy(x, h.vaults[0], now)
	}
	x.close("CloudServices")
	return x.String()
}

func (h *SubscriptionHandle) renderService(x *xmlWriter, c *cloudService, i, spelling int, now time.Time) {
	x.open("CloudService")
	x.leaf("Name", c.name)
	x.leaf("Label", "")
	if spelling == 2 {
		x.raw("<Description><![CDATA[a <b>service</b> & more]]></Description>")
	} else {
		x.null("Description")
	}
	if spelling == 3 {
		x.raw(`<ext:Placement xmlns:ext="urn:example:ext" ext:zone="2"><Name>not the name</Name></ext:Placement>`)
	}
	x.leaf("GeoRegion", c.region)
	x.open("Resources")
	for _, v := range h.vaults {
		if v.service != c {
			continue
		}
		if v.index%5 == 0 { // another thing of the same name
			x.open("Resource")
			x.leaf("ResourceProviderNamespace", "Other.Namespace")
			x.leaf("Type", "SqlDatabase")
			x.leaf("Name", v.spec.Name)
			x.leaf("State", "Stopped")
			x.close("Resource")
		}
		if !v.hidden(now) {
			v.renderResource(x, c, spelling, now)
		}
	}
	x.close("Resources")
	x.leaf("FutureNumber", fmt.Sprint(i))
	x.close("CloudService")
}

// renderDecoy lists a vault of the same type and name in another region: a
// vault is found by its region too (classic-service.md#the-listing).
func (h *SubscriptionHandle) renderDecoy(x *xmlWriter, like *VaultHandle, now time.Time) {
	x.open("CloudService")
	x.leaf("Name", "Decoy-Service")
	x.leaf("GeoRegion", "Decoy Region")
	x.open("Resources")
	x.open("Resource")
	x.leaf("ResourceProviderNamespace", "Decoy.Namespace")
	x.leaf("Type", like.spec.Type)
	x.leaf("Name", like.spec.Name)
	x.open("IntrinsicSettings")
	old := record{id: "decoy", trigger: UserTriggered, start: now.Add(-time.Hour), end: now.Add(-time.Minute),
		failure: &Failure{Message: "the decoy failed"}}
	x.open("ResourceUpgradeDetails")
	like.renderDetails(x, &old, now)
	x.close("ResourceUpgradeDetails")
	x.close("IntrinsicSettings")
	x.close("Resource")
	x.close("Resources")
	x.close("CloudService")
}

func (v *VaultHandle) renderResource(x *xmlWriter, c *cloudService, spelling int, now time.Time) {
	x.open("Resource")
	x.leaf("ResourceProviderNamespace", c.namespace)
	x.leaf("Type", v.spec.Type)
	x.leaf("Name", v.spec.Name)
	x.leaf("Plan", "")
	x.leaf("SchemaVersion", "1.1")
	x.leaf("ETag", fmt.Sprintf("%08x-etag", hash(v.String())))
	x.leaf("State", "Started")
	x.leaf("SubState", "Ok")
	if spelling == 3 {
		x.open("Owner")
		x.leaf("Name", "somebody")
		x.leaf("Type", "User")
		x.close("Owner")
	}
	if r := v.record(now); r != nil {
		x.open("IntrinsicSettings")
		x.open("ResourceUpgradeDetails")
		v.renderDetails(x, r, now)
		x.close("ResourceUpgradeDetails")
		x.close("IntrinsicSettings")
	} else if spelling == 1 {
		x.null("IntrinsicSettings")
	}
	x.open("OutputItems")
	x.open("OutputItem")
	x.leaf("Key", "ResourceId")
	x.leaf("Value", fmt.Sprint(hash("resource", v.String())))
	x.close("OutputItem")
	x.close("OutputItems")
	x.open("OperationStatus")
	x.leaf("Type", "Create")
	x.leaf("Result", "Succeeded")
	x.close("OperationStatus")
	x.leaf("Label", "")
	x.close("Resource")
}

// renderDetails writes the record of an upgrade (classic-service.md#the-listing).
func (v *VaultHandle) renderDetails(x *xmlWriter, r *record, now time.Time) {
	state := r.state(now)
	message, end, updated := "", "9999-12-31T23:59:59.9999999", r.start
	if !r.running(now) {
		end, updated = stamp(r.end, v.index%2 == 0), r.end
		if r.failure != nil {
			message = r.failure.Message
		}
	}
	start, last, end := v.times(stamp(r.start, v.index%3 != 0), stamp(updated, true), end)
	x.leaf("EndTimeUtc", end)
	x.leaf("LastUpdatedTimeUtc", last)
	x.leaf("Message", message)
	x.leaf("OperationId", v.spelled(r.id))
	x.null("PreviousResourceId")
	x.leaf("StartTimeUtc", start)
	x.leaf("Status", state)
	x.leaf("TriggerType", r.trigger)
	if state == "Failed" && v.index%2 == 1 {
		x.null("UpgradedResourceId")
	} else {
		x.leaf("UpgradedResourceId", v.targetPath())
	}
}

// stamp writes a time with seven digits, with or without its zone
// (classic-service.md#the-listing).
func stamp(t time.Time, zone bool) string {
	s := t.UTC().Format("2006-01-02T15:04:05.0000000")
	if zone {
		s += "Z"
	}
	return s
}
