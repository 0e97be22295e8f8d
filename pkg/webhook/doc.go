// Package webhook tells which sources a Receiver covers, what is wrong with the Receivers that there are, and which
// Receivers are missing, ready to be applied. It stands below budget and fit, which ask it
// whether anybody waits for a poll (Notice): objects in, plain values out.
//
// What it says of Receivers is read in notification-controller 1.9 (internal/server/receiver_handlers.go,
// receiver_resource_filter.go and internal/controller/receiver_controller.go):
//
//   - a call is found by its path, /hook/ and the SHA-256 of token, name and namespace (api/v1, GetWebhookPath), which
//     stands in status.webhookPath;
//   - each type verifies something else, and some nothing at all (see HostType.Verifies);
//   - spec.resourceFilter is asked for each object with the body of the call, where its content type is
//     application/json, and with an empty one otherwise. What it leaves out is told by --log-level=debug only, and the
//     answer is 200; where the expression cannot be evaluated, the object is left out and the answer is 500;
//   - a resource that does not exist makes the answer 500 as well, and the others are notified all the same;
//   - to notify is to set the annotation reconcile.fluxcd.io/requestedAt.
package webhook
