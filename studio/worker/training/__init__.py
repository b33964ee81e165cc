"""One fine-tune, from the frozen rows to the adapter or model it leaves."""
