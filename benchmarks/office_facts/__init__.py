"""Facts of real office, web and mail files: found by search, and cited at their place?"""
