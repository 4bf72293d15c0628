"""What rules would have said of traffic that is past, before they go live."""
