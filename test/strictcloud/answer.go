package strictcloud

import "github.com/fleetup-dev/fleetup/test/strict"

type answer = strict.Answer

func xmlAnswer(status int, body string) answer {
	return strict.NewAnswer(status, "application/xml; charset=utf-8", body)
}

// errorAnswer is a refusal in the format of the side that was asked.
func errorAnswer(in *request, status int, code, message string) answer {
	if in.call.classic() {
		return xmlAnswer(status, Refusal{Shape: 2, Code: code, Message: message}.render("", nil))
	}
	return strict.JSON(status, map[string]any{"error": map[string]string{"code": code, "message": message}})
}
