package spec

// BillRequest asks what the cloud has charged for a compute: get_bill.
type BillRequest struct {
	ID   string `json:"id"`
	From string `json:"from,omitempty"` // RFC 3339; empty: as far back as the cloud tells by itself
	To   string `json:"to,omitempty"`   // RFC 3339, the time of the question, for a cloud that wants an end
}

// Bill is the answer of get_bill. Clouds add to a bill some time after the fact,
// so it may lag behind what was used.
type Bill struct {
	AmountUSD float64 `json:"amount_usd" doc:"What the cloud has charged so far, USD."`
	From      string  `json:"from,omitempty" doc:"Begin of the time it is for, RFC 3339."`
	To        string  `json:"to,omitempty" doc:"End of the time it is for, RFC 3339."`
}
