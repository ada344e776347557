"""A help desk: three of the staff and a customer, who open tickets, answer each other's, search and administer."""

USERS = ("alice.liddell", "bob.builder", "carol.kane", "dan.brown")
STAFF = USERS[:3]
PASSWORD = "correct horse"


def drive(web, number):
    for user in USERS:
        if number == 0:
            web.get(user, "/")
            web.submit(user, "/login/", username=user, password=PASSWORD)
            web.signed_in(user)
        web.submit(
            user,
            "/tickets/submit/",
            title=f"ticket {number} of {user}",
            body=f"{user} has lost a key",
            queue="1",
            priority="3",
            submitter_email=f"{user}@example.org",
        )
        web.get(user, "/my-tickets/")
    for user in STAFF:
        for path in (
            "/dashboard/",
            "/tickets/",
            "/datatables_ticket_list/e30=?draw=1&start=0&length=25&search[value]=",
            "/timeline_ticket_list/e30=",
            "/tickets/?q=alice",
            "/tickets/1/",
            "/tickets/2/",
            "/tickets/4/",
            "/tickets/2/edit/",
            "/reports/",
            "/reports/usermonth/",
            "/saved-searches/",
            "/settings/",
            "/kb/",
            "/rss/recent_activity/",
            "/api/tickets/",
            "/api/user_tickets/",
        ):
            web.get(user, path)
        web.submit(user, f"/tickets/{STAFF.index(user) + 1}/", comment=f"seen by {user}", public="1")
    web.get(STAFF[0], "/admin/helpdesk/ticket/")
    web.get(STAFF[0], "/admin/auth/user/?q=bob")


def leak(web):
    assert USERS[0] in web.get(USERS[1], "/settings/").body
    web.get(USERS[1], "/kb/")
    assert USERS[1] in web.get(USERS[2], "/kb/").body
