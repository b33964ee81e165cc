"""Files into candidates: containers say how a file holds records, shapes how a record holds a pair."""
