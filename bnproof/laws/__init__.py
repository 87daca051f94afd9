"""Laws: one property each, joined with the theorem it comes from; and strategies for the cases they
run on."""
